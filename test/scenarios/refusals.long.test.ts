/** What is refused before any effect, and how it is told. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { code, credentials, rotate, writes } from './support.ts';

describe('bad input', () => {
  it('is reported all at once, before a single request', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, {
      operation: 'rotat',
      'validity-days': '30',
      'renew-before-days': '30',
      'key-size': '1024',
      force: 'yes',
      destinations: 'repo:acme\nenv:acme/shop/prod\nrepo:acme/shop',
      'secret-name': '1PEM',
      'current-credential': 'not a PEM',
      'github-token': '',
      'management-token': 'both',
      overlap: 'soon',
      subject: 'CN=a,XX=b',
    });
    expect([run.exitCode, code(run), world.transcript.count()]).toEqual([1, 'INVALID_INPUT', 0]);
    const { message } = run.annotations[0] ?? { message: '' };
    for (const name of [
      'operation',
      'renew-before-days',
      'key-size',
      'force',
      'destinations',
      'secret-name',
      'current-credential',
      'github-token',
      'management-token',
      'overlap',
      'subject',
    ]) {
      expect(message).toContain(`Input '${name}'`);
    }
    expect(message).toContain("'repo:acme' in line 1, which is not a destination");
    expect(message).toContain('hides the one of the same name at repo:acme/shop');
    expect(message).not.toContain('not a PEM');
  });
});

const REFUSED: [name: string, inputs: Record<string, string>, code: string, words: RegExp][] = [
  ['an unknown client', { 'client-id': 'nobody' }, 'CLIENT_NOT_FOUND', /Check client-id/],
  [
    'verify required without an endpoint',
    { verify: 'required', NO_ALIAS: 'yes' },
    'MTLS_ENDPOINT_NOT_FOUND',
    /Set mtls-domain/,
  ],
  [
    'a repository that the token does not see',
    { destinations: 'repo:acme/hidden' },
    'DESTINATION_NOT_FOUND',
    /Check the spelling in destinations/,
  ],
];

describe('refused before anything is changed', () => {
  it.each(REFUSED)('%s', async (_, { NO_ALIAS, ...inputs }, expected, words) => {
    await using world = await startSandbox({ mtlsAlias: NO_ALIAS === undefined });
    const run = await rotate(world, inputs);
    expect([run.exitCode, code(run), writes(world)]).toEqual([1, expected, []]);
    const [annotation] = run.annotations.filter(({ level }) => level === 'error');
    expect(annotation?.message).toMatch(words);
    expect(run.summary).toContain('**What is true now.**');
  });

  it('GITHUB_TOKEN', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, { 'github-token': world.workflowToken });
    expect([code(run), writes(world)]).toEqual(['GITHUB_FORBIDDEN', []]);
    expect(run.annotations.at(-1)?.message).toMatch(/GITHUB_TOKEN can never write secrets: use a GitHub App/);
  });

  it('a client that uses another method', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, { 'client-id': world.managementClientId });
    expect([code(run), writes(world)]).toEqual(['METHOD_MISMATCH', []]);
  });

  it('a token that may read secrets but not write them is undone', async () => {
    await using world = await startSandbox();
    world.github.addToken('reader', {
      kind: 'fine-grained',
      permissions: { secrets: 'read' },
      repositories: 'all',
    });
    const before = credentials(world);
    const run = await rotate(world, { 'github-token': 'reader' });
    expect(code(run)).toBe('GITHUB_FORBIDDEN');
    expect(run.annotations.at(-1)?.message).toContain('The new credential was removed again.');
    expect(credentials(world)).toEqual(before);
  });
});
