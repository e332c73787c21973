/** Programs in Go, as docs/recipes.md writes them, log in with the secrets that the action has delivered. */

import { execFileSync } from 'node:child_process';
import { copyFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { beforeAll, describe, expect, it, test } from 'vitest';
import { operate, sharedWorld } from '../scenarios/operations.ts';
import { held } from '../scenarios/support.ts';
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

const GO = program('go');
const MODULE = join(import.meta.dirname, 'go');

/** golang.org/x/oauth2 is in Go's module cache, where .ci/run puts it: a test asks no network. */
function isReady(): boolean {
  try {
    execFileSync(`${GO}`, ['mod', 'download'], {
      cwd: MODULE,
      stdio: 'ignore',
      env: { ...process.env, GOPROXY: 'off' },
    });
    return true;
  } catch {
    return false;
  }
}

const READY = GO !== undefined && isReady();
test.skipIf(process.env.CI !== 'true' && !READY)('Go and golang.org/x/oauth2 are installed', () =>
  expect(READY).toBe(true),
);

describe.skipIf(!READY)('with the PEM', () => {
  const folder = temporaryFolder();
  const shared = sharedWorld();
  let reader: Reader;

  beforeAll(async () => {
    const world = shared();
    expect((await operate(world, {})).exitCode).toBe(0);
    reader = { clientId: world.clientId, pem: held(world) };
    for (const name of ['go.mod', 'go.sum']) copyFileSync(join(MODULE, name), join(folder, name));
  });

  /** The snippet is a function: the program around it calls it and prints what Auth0 answers. */
  async function go(
    heading: string,
    imports: readonly string[],
    body: string,
    pem = reader.pem,
  ): Promise<string> {
    const list = ['fmt', 'os', ...imports].map((name) => `import "${name}"`).join('\n');
    const main = `func main() {\n${body}\n}\nfunc check(err error) {\nif err != nil {\nfmt.Fprintln(os.Stderr, err)\nos.Exit(1)\n}\n}`;
    write(folder, 'main.go', `package main\n${list}\n${snippet(heading, 'go')}\n${main}\n`);
    const { GOCACHE, GOFLAGS, GOMODCACHE, GOROOT } = goEnvironment();
    const env = {
      ...environment(shared(), folder, { ...reader, pem }),
      GOCACHE,
      GOFLAGS,
      GOMODCACHE,
      GOROOT,
      GOPROXY: 'off',
      // Go takes no module in the folder of temporary files.
      TMPDIR: tmpdir(),
    };
    return run([`${GO}`, 'run'], '.', env, folder);
  }

  const ARGUMENTS = 'os.Getenv("MTLS_HOST"), os.Getenv("CLIENT_ID"), os.Getenv("AUDIENCE")';

  const FETCH = `token, err := fetchToken(${ARGUMENTS})\ncheck(err)\nfmt.Println(token)`;
  const PLAIN = ['crypto/tls', 'encoding/json', 'net/http', 'net/url', 'time'];

  it('crypto/tls', async () => {
    expectToken(await go('Go', PLAIN, FETCH));
  });

  it('and not with another certificate', async () => {
    const { pem } = shared().addServiceClient({ name: 'another' });
    await expect(go('Go', PLAIN, FETCH, pem)).rejects.toThrow('401');
  });

  it('golang.org/x/oauth2', async () => {
    const imports = [
      'context',
      'crypto/tls',
      'net/http',
      'net/url',
      'golang.org/x/oauth2',
      'golang.org/x/oauth2/clientcredentials',
    ];
    const body = `client, err := authorizedClient(${ARGUMENTS})\ncheck(err)
      token, err := client.Transport.(*oauth2.Transport).Source.Token()\ncheck(err)\nfmt.Println(token.AccessToken)`;
    expectToken(await go('Go \\(golang.org/x/oauth2\\)', imports, body));
  });
});

/** Its caches stay where they are, although the home is another. */
function goEnvironment(): Record<'GOCACHE' | 'GOFLAGS' | 'GOMODCACHE' | 'GOROOT', string> {
  return JSON.parse(
    execFileSync(`${GO}`, ['env', '-json', 'GOCACHE', 'GOFLAGS', 'GOMODCACHE', 'GOROOT'], {
      encoding: 'utf8',
    }),
  );
}
