/** What the environment of a runner may bring: nothing of it weakens a run, and nothing secret stays in it. */

import { describe, expect, it } from 'vitest';
import { startSandbox } from '../emulators/sandbox.ts';
import { leaks, rotate, secretsOf } from './support.ts';

describe('a certificate of a CA that no variable names', () => {
  it('is not trusted, even with NODE_TLS_REJECT_UNAUTHORIZED=0: nothing is sent, once, and the remedy is named', async () => {
    await using world = await startSandbox();
    world.transcript.clear();
    const env = { NODE_TLS_REJECT_UNAUTHORIZED: '0', NODE_EXTRA_CA_CERTS: '' };
    const run = await rotate(world, {}, { env, debug: true });
    expect([run.exitCode, world.transcript.count()]).toEqual([1, 0]);
    const [error] = run.annotations;
    expect(error?.properties.title).toMatch(/^(AUTH0|GITHUB)_REQUEST_FAILED$/);
    expect(error?.message).toMatch(/The certificate of localhost:\d+ is not trusted, so .* was not sent/);
    expect(error?.message).toContain('NODE_EXTRA_CA_CERTS');
    const [, asked = ''] = /##\[debug\](.*) → /.exec(run.log) ?? [];
    expect(run.log.split(`${asked} →`)).toHaveLength(2);
  });
});

describe('a diagnostic report of Node', () => {
  it('shows no input and no password of a proxy', async () => {
    await using world = await startSandbox();
    let asked = false;
    const killWhen = () => {
      if (asked) return undefined;
      asked = true;
      return 'SIGUSR2' as const;
    };
    const env = {
      NODE_OPTIONS: '--report-on-signal',
      HTTP_PROXY: 'http://svc:proxypassword@proxy.test:3128',
    };
    const run = await rotate(world, {}, { env, killWhen });
    expect(run.exitCode).toBe(0);
    const reports = run.files.filter((name) => /report\..*\.json$/.test(name));
    expect(reports).toHaveLength(1);
    expect(run.traces).toContain('environmentVariables');
    expect(run.traces).not.toContain('proxypassword@');
    expect(leaks(run, secretsOf(world, run, {}))).toEqual([]);
  });
});
