/** What docs/recipes.md and the README tell consumers to run: taken from there, and run against the sandbox. */

import { execFile, spawn } from 'node:child_process';
import { accessSync, constants, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, test, vi } from 'vitest';
import { API_AUDIENCE } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { DAY, held, SCOPE } from '../scenarios/support.ts';

const RECIPES = readFileSync('docs/recipes.md', 'utf8');

/** The only snippet of a language below a heading, without its indentation. */
function snippet(heading: string, language: string, document = RECIPES): string {
  const [, section = ''] = document.split(new RegExp(`^#+ ${heading}$`, 'm'));
  const [own = ''] = section.split(/^#{2,} /m);
  const found = [...own.matchAll(new RegExp(`^( *)\`\`\`${language}\\n([\\s\\S]*?)^ *\`\`\`$`, 'gm'))];
  expect(found.length, `snippets of ${language} below ${heading}`).toBe(1);
  const [[, indent = '', text = ''] = []] = found;
  return text.replaceAll(new RegExp(`^${indent}`, 'gm'), '');
}

/** undefined: it is not installed. */
function program(name: string): string | undefined {
  const paths = [...(process.env.PATH ?? '').split(delimiter), '/usr/sbin'].map((one) => join(one, name));
  return paths.find((path) => {
    try {
      accessSync(path, constants.X_OK);
      return true;
    } catch {
      return false;
    }
  });
}

const PROGRAMS = ['bash', 'curl', 'jq', 'openssl', 'nginx', 'python3'];
// Where CI is set the absence of a program must not pass for a success.
test.runIf(process.env.CI === 'true').each(PROGRAMS)('%s is installed', (name) =>
  expect(program(name)).toBeDefined(),
);

const folder = mkdtempSync(join(tmpdir(), 'recipes-'));
afterAll(() => rmSync(folder, { recursive: true }));
const shared = sharedWorld();

interface Reader {
  clientId: string;
  pem: string;
}

/** The environment that the snippets name, and the sandbox's CA where each program looks for it. */
function environment({ clientId, pem }: Reader): Record<string, string> {
  const world = shared();
  return {
    PATH: process.env.PATH ?? '',
    HOME: folder,
    TMPDIR: folder,
    PEM: pem,
    CLIENT_ID: clientId,
    AUDIENCE: API_AUDIENCE,
    MTLS_HOST: new URL(world.edgeUrl).host,
    AUTH0_DOMAIN: world.domain,
    CURL_CA_BUNDLE: world.caFile,
    SSL_CERT_FILE: world.caFile,
    NODE_EXTRA_CA_CERTS: world.caFile,
  };
}

/** Runs a program with a script as its last argument. @returns what it printed */
async function run(
  [file = '', ...args]: readonly string[],
  script: string,
  env: Record<string, string>,
): Promise<string> {
  return (await promisify(execFile)(file, [...args, script], { env, timeout: 500_000 })).stdout;
}

const BASH = ['bash', '-euo', 'pipefail', '-c'];
const NODE = [process.execPath, '--input-type=module', '--eval'];
const FILE = snippet('Use the PEM', 'bash');

/** Has the authorization server answered with a token? */
function expectToken(text: string): void {
  expect(text).toMatch(/(^|"access_token":\s*")[\w-]{20,}/);
}

describe('the PEM', () => {
  let reader: Reader;
  beforeAll(async () => {
    const world = shared();
    expect((await operate(world, {})).exitCode).toBe(0);
    reader = { clientId: world.clientId, pem: held(world) };
  });

  it.skipIf(!program('curl'))('by curl', async () => {
    expectToken(await run(BASH, FILE + snippet('curl', 'bash'), environment(reader)));
  });

  it.skipIf(!program('curl'))('by curl, as in the README', async () => {
    const [, step = ''] =
      /^ +- run: \|\n((?: {10}.*\n)+)/m.exec(
        readFileSync('README.md', 'utf8').split('Your service reads the secret')[1] ?? '',
      ) ?? [];
    const env = environment(reader);
    const script = step
      .replace('mtls.login.example.com', `${env.MTLS_HOST}`)
      .replace('https://api.example.com/', API_AUDIENCE);
    expectToken(await run(BASH, `cd ${folder}\n${script}`, env));
  });

  it('by Node.js', async () => {
    const script = `${snippet('Node.js \\(undici\\)', 'js')}console.log(token);`;
    expectToken(await run(NODE, script, environment(reader)));
  });

  it.skipIf(!program('python3'))('by Python', async () => {
    const script = `${FILE}export CREDENTIAL=$credential\npython3 -c "$SCRIPT"`;
    const SCRIPT = `${snippet('Python', 'python')}print(token)`;
    expectToken(await run(BASH, script, { ...environment(reader), SCRIPT }));
  });

  it.skipIf(!program('openssl'))(
    'by openssl, which shows what is in it and what the edge asks for',
    async () => {
      const env = environment(reader);
      const [host, port] = `${env.MTLS_HOST}`.split(':');
      const script = snippet('openssl: what is in it, and what does the edge say\\?', 'bash').replace(
        ':443',
        `:${port}`,
      );
      const told = await run(BASH, FILE + script, { ...env, MTLS_HOST: `${host}` });
      const credential = shared()
        .tenant.reveal(reader.clientId)
        .credentials.find(({ thumbprint_sha256 }) => thumbprint_sha256 && told.includes(thumbprint_sha256));
      expect(credential?.name).toContain('auth0-mtls-rotation');
      expect(told).toContain(`subject=CN = ${reader.clientId}`);
      expect(told).toContain('Requested Signature Algorithms');
    },
  );

  it.skipIf(!program('keytool'))('by a key store for Java', async () => {
    const told = await run(BASH, `cd ${folder}\n${FILE}${snippet('Java', 'bash')}`, environment(reader));
    expect(told).toContain('PrivateKeyEntry');
  });

  it.skipIf(!program('jq'))('where it is there, else the client secret, while a client moves', async () => {
    const world = shared();
    const script = `${snippet('Move a client from a client secret to a certificate', 'bash')}echo "$token"`;
    expectToken(await run(BASH, script, { ...environment(reader), CLIENT_SECRET: 'of no use' }));
    const clientId = secretClient(world);
    const { client_secret: CLIENT_SECRET = '' } = world.tenant.reveal(clientId).client;
    expectToken(await run(BASH, script, { ...environment({ clientId, pem: '' }), CLIENT_SECRET }));
    await expect(
      run(BASH, script, { ...environment({ clientId, pem: '' }), CLIENT_SECRET: 'wrong' }),
    ).rejects.toThrow();
  });
});

describe('the key', () => {
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
  const HEADING = 'Use the key \\(private_key_jwt\\)';

  it('by jose', async () => {
    expectToken(await run(NODE, `${snippet(HEADING, 'js')}console.log(token);`, environment(reader)));
  });

  it.skipIf(!program('jq') || !program('openssl'))('without any library', async () => {
    expectToken(await run(BASH, snippet(HEADING, 'bash'), environment(reader)));
  });
});

const NGINX = program('nginx');

describe.skipIf(NGINX === undefined)('the edge with nginx', () => {
  let url: string;
  const stack = new AsyncDisposableStack();
  afterAll(() => stack.disposeAsync());

  beforeAll(async () => {
    const world = shared();
    const port = await freePort();
    url = `https://localhost:${port}`;
    const { key, cert } = world.authority.serverCertificate();
    const path = (name: string, text: string) => {
      writeFileSync(join(folder, name), text);
      return join(folder, name);
    };
    const changes = [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`],
      ['login.example.com mtls.login.example.com', 'localhost'],
      ['/etc/nginx/tls/login.example.com.pem', path('edge.pem', cert)],
      ['/etc/nginx/tls/login.example.com.key', path('edge.key', key)],
      ['/etc/nginx/tls/client-ca.pem', world.caFile],
      ['/etc/ssl/certs/ca-certificates.crt', world.caFile],
      ['https://origin.edge.tenants.example', world.tenantUrl],
      ['origin.edge.tenants.example', world.domain],
      ['the key that Auth0 shows', world.edgeSecret],
    ] as const;
    const shown = snippet('The mTLS edge, with nginx', 'nginx');
    const server = changes.reduce((text, [from, to]) => {
      expect(text.split(from).length, from).toBe(2);
      return text.replace(from, to);
    }, shown);
    const temporary = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map(
      (name) => `${name}_temp_path ${folder};`,
    );
    const settings = `daemon off; master_process off; pid ${folder}/nginx.pid; error_log stderr; events {}
      http { access_log off; ${temporary.join(' ')} ${server} }`;
    const nginx = spawn(`${NGINX}`, ['-p', folder, '-e', 'stderr', '-c', path('nginx.conf', settings)], {
      stdio: ['ignore', 'ignore', 'pipe'],
    });
    let complaints = '';
    nginx.stderr.on('data', (chunk) => {
      complaints += chunk;
    });
    const ended = new Promise((resolve) => nginx.once('exit', resolve));
    stack.defer(async () => {
      nginx.kill();
      await ended;
    });
    const answers = async () => expect((await world.call(url)).status).toBe(404);
    await vi.waitFor(answers, { timeout: 300_000 }).catch((error) => {
      throw new Error(`nginx: ${complaints || error}`);
    });
  });

  const ask = async (reader: Partial<Reader>, headers: Record<string, string> = {}) => {
    const { clientId: client_id = shared().clientId, pem } = reader;
    const body = { grant_type: 'client_credentials', client_id, audience: API_AUDIENCE };
    return (await shared().call(`${url}/oauth/token`, { body, headers, ...(pem ? { pem } : {}) })).status;
  };

  it('lets in who has the certificate, before and after a rotation, and nobody else', async () => {
    const world = shared();
    const { clientId, pem } = world.addServiceClient({ name: 'behind nginx' });
    const inputs = { 'client-id': clientId, 'secret-name': 'BEHIND_NGINX' };
    expect(await ask({ clientId, pem })).toBe(200);
    expect((await operate(world, inputs)).exitCode).toBe(0);
    world.advance(DAY);
    expect(await ask({ clientId, pem: held(world, SCOPE, 'BEHIND_NGINX') })).toBe(200);
    const { key, cert } = selfSignedCertificate('stranger');
    expect(await ask({ clientId, pem: key + cert })).toBe(401);
    expect(await ask({ clientId })).toBe(401);
  });

  it('lets in who has a certificate of the CA', async () => {
    const world = shared();
    const clientId = secretClient(world);
    const { key, cert } = world.authority.clientCertificate({ CN: 'nginx' });
    const inputs = {
      'client-id': clientId,
      'secret-name': 'SIGNED',
      'authentication-method': 'tls_client_auth',
      certificate: cert,
      'private-key': key,
      'renew-before-days': '10',
    };
    expect((await operate(world, { ...inputs, operation: 'enroll' })).exitCode).toBe(0);
    expect(await ask({ clientId, pem: held(world, SCOPE, 'SIGNED') })).toBe(200);
    const forged = selfSignedCertificate('nginx');
    expect(await ask({ clientId, pem: forged.key + forged.cert })).toBe(401);
  });

  it('believes nothing that a caller says of a certificate', async () => {
    const { clientId, pem } = shared().addServiceClient({ name: 'impersonated' });
    const [, certificate = ''] = /(-----BEGIN CERTIFICATE[\s\S]*)/.exec(pem) ?? [];
    const headers = {
      'client-certificate': encodeURIComponent(certificate),
      'client-certificate-ca-verified': 'SUCCESS',
    };
    expect(await ask({ clientId }, headers)).toBe(401);
  });

  it('shows nothing but what services need', async () => {
    const world = shared();
    const status = async (path: string) => (await world.call(url + path)).status;
    expect(await status('/.well-known/openid-configuration')).toBe(200);
    expect(await status('/api/v2/clients')).toBe(404);
  });
});

function freePort(): Promise<number> {
  return new Promise((resolve) => {
    const server = createServer().listen(0, '127.0.0.1', () => {
      const address = server.address();
      server.close(() => resolve(typeof address === 'object' && address ? address.port : 0));
    });
  });
}
