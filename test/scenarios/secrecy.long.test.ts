/** The search for leaks finds a secret wherever and however it is shown. More of it: secrecy.test.ts. */

import { describe, expect, it } from 'vitest';
import { leaksOf } from './leak-searches.ts';

describe('the search', () => {
  it.each<[string, string]>([
    ['one line of it', "console.log('x' + s.split('\\n')[1])"],
    ['to stderr', "console.error(s.split('\\n')[0])"],
    ['as hex', "console.log(Buffer.from(s).toString('hex'))"],
    ...['', 'x', 'xx'].map((before): [string, string] => [
      `as base64 after '${before}'`,
      `console.log(Buffer.from('${before}' + s).toString('base64'))`,
    ]),
    ['as an address', "console.log('?q=' + encodeURIComponent(s.split('\\n')[1]))"],
    ['in an annotation', "console.log('::error::' + s.split('\\n')[0])"],
    ['in an output', "fs.appendFileSync(process.env.GITHUB_OUTPUT, 'a=' + s.split('\\n')[0] + '\\n')"],
    ['in the summary', "fs.appendFileSync(process.env.GITHUB_STEP_SUMMARY, s.split('\\n')[0])"],
    ...['RUNNER_TEMP', 'GITHUB_WORKSPACE', 'HOME'].map((place): [string, string] => [
      `in a file of ${place}`,
      `fs.writeFileSync(process.env.${place} + '/key.pem', s)`,
    ]),
  ])('finds a secret that is shown %s', async (_, code) => {
    expect((await leaksOf(code)).length).toBeGreaterThan(0);
  });
});
