/** Programs in Python, as docs/recipes.md writes them, log in with the secrets that the action has delivered. */

import { execFileSync } from 'node:child_process';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { held, SCOPE } from '../scenarios/support.ts';
import {
  environment,
  expectToken,
  program,
  type Reader,
  run,
  snippet,
  temporaryFolder,
  write,
} from './recipe.ts';

/** CONSUMERS_PYTHON: one that has what test/consumers/python/requirements.txt names; .ci/run makes it. */
const PYTHON = process.env.CONSUMERS_PYTHON ?? program('python3') ?? 'python3';

function has(module: string): boolean {
  try {
    execFileSync(PYTHON, ['-c', `import ${module}`], { stdio: 'ignore' });
    return true;
  } catch {
    return false;
  }
}

const MODULES = ['ssl', 'requests', 'jwt', 'authlib'].filter((name) => has(name));
for (const name of ['ssl', 'requests', 'jwt', 'authlib'])
  test.skipIf(process.env.CI !== 'true' && !MODULES.includes(name))(`${name} is installed`, () =>
    expect(MODULES).toContain(name),
  );

const folder = temporaryFolder();
const shared = sharedWorld();
const python = (script: string, env: Record<string, string>) =>
  run([PYTHON, '-c'], `${script}print(token)`, env);

describe('with the PEM', () => {
  let reader: Reader;
  beforeAll(async () => {
    const world = shared();
    expect((await operate(world, {})).exitCode).toBe(0);
    reader = { clientId: world.clientId, pem: held(world) };
  });

  const env = () => ({
    ...environment(shared(), folder, reader),
    CREDENTIAL: write(folder, 'credential.pem', reader.pem),
  });

  it.skipIf(!MODULES.includes('ssl'))('urllib', async () => {
    expectToken(await python(snippet('Python', 'python'), env()));
  });

  it.skipIf(!MODULES.includes('requests'))('requests', async () => {
    expectToken(await python(snippet('Python \\(requests\\)', 'python'), env()));
  });

  it.skipIf(!MODULES.includes('requests'))('and not with another certificate', async () => {
    const { pem } = shared().addServiceClient({ name: 'another' });
    const CREDENTIAL = write(folder, 'another.pem', pem);
    const script = snippet('Python \\(requests\\)', 'python');
    await expect(python(script, { ...env(), CREDENTIAL })).rejects.toThrow('401');
  });
});

describe('with the key', () => {
  let reader: Reader;
  beforeAll(async () => {
    const world = shared();
    const clientId = secretClient(world);
    const inputs = {
      'client-id': clientId,
      'secret-name': 'KEY',
      'authentication-method': 'private_key_jwt',
    };
    expect((await operate(world, { ...inputs, operation: 'enroll' })).exitCode).toBe(0);
    reader = { clientId, pem: held(world, SCOPE, 'KEY') };
  });

  const env = () => environment(shared(), folder, reader);

  it.skipIf(!MODULES.includes('jwt'))('PyJWT', async () => {
    expectToken(await python(snippet('Python \\(PyJWT\\)', 'python'), env()));
  });

  it.skipIf(!MODULES.includes('authlib'))('Authlib, for the second token, too', async () => {
    expectToken(await python(`${snippet('Python \\(Authlib\\)', 'python')}token = fetch_token()\n`, env()));
  });
});
