/** What docs/recipes.md and the README tell consumers to run: taken from there, and run against the sandbox. */

import { spawn } from 'node:child_process';
import { readFileSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parse } from 'yaml';
import { entryOf } from '../../src/report/outputs.ts';
import {
  BASH,
  environment as consumerEnvironment,
  expectForPeople,
  expectToken,
  freePort,
  NODE,
  program,
  type Reader,
  requirePrograms,
  run,
  snippet,
  temporaryFolder,
  write,
} from '../consumers/recipe.ts';
import { API_AUDIENCE } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { client, operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { DAY, held, SCOPE } from '../scenarios/support.ts';
import { failure, idle, outcome, result, settled } from '../support/run-result.ts';

requirePrograms(['bash', 'curl', 'jq', 'openssl', 'nginx', 'python3']);

const folder = temporaryFolder();
const shared = sharedWorld();
const environment = (reader: Reader) => consumerEnvironment(shared(), folder, reader);
const FILE = snippet('Use the PEM', 'bash');

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
        readFileSync('README.md', 'utf8').split('Let your service read the secret')[1] ?? '',
      ) ?? [];
    const env = environment(reader);
    const script = step
      .replace('mtls.login.acme.com', `${env.MTLS_HOST}`)
      .replace('https://api.acme.com/', API_AUDIENCE);
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

  it.skipIf(!program('jq'))(
    'if the secret has one, else the client secret, while a client moves',
    async () => {
      const world = shared();
      const script = `${snippet('Move a client from a client secret to a certificate', 'bash')}echo "$token"`;
      expectToken(await run(BASH, script, { ...environment(reader), CLIENT_SECRET: 'of no use' }));
      const clientId = secretClient(world);
      const { client_secret: CLIENT_SECRET = '' } = world.tenant.reveal(clientId).client;
      expectToken(await run(BASH, script, { ...environment({ clientId, pem: '' }), CLIENT_SECRET }));
      await expect(
        run(BASH, script, { ...environment({ clientId, pem: '' }), CLIENT_SECRET: 'wrong' }),
      ).rejects.toThrow();
    },
  );
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

  it('by jose', async () => {
    expectToken(await run(NODE, `${snippet('jose', 'js')}console.log(token);`, environment(reader)));
  });

  it.skipIf(!program('jq') || !program('openssl'))('without any library', async () => {
    expectToken(await run(BASH, snippet('Without any library', 'bash'), environment(reader)));
  });
});

describe.skipIf(!program('jq') || !program('curl'))('a credential that is taken out by hand', () => {
  const pairs = [selfSignedCertificate('one'), selfSignedCertificate('two')];
  const kinds = [
    ['self_signed_tls_client_auth', 'x509_cert'],
    ['tls_client_auth', 'cert_subject_dn'],
    ['private_key_jwt', 'public_key'],
  ] as const;

  it.each(kinds)(
    'of a client by %s: it is gone, the other one stays, a mistyped one and the last one are refused',
    async (method, type) => {
      const world = shared();
      const { client_id: clientId } = world.tenant.createClient({
        name: method,
        client_authentication_methods: { [method]: { credentials: [] } },
      });
      const [kept = '', leaked = ''] = pairs.map(({ cert: pem }) =>
        world.tenant.seedCredential(clientId, { credential_type: type, pem, associate: true }),
      );
      const script = snippet('Take a credential out by hand', 'bash');
      const env = { ...environment({ clientId, pem: '' }), TOKEN: await world.managementToken() };
      // As it is pasted into a shell.
      const takeOut = (id: string) => run(['bash', '-c'], script, { ...env, LEAKED: id });
      const before = client(world, clientId);
      world.transcript.clear();
      // Auth0 would answer a DELETE of it with success.
      const mistyped = leaked.slice(0, -1) + (leaked.endsWith('a') ? 'b' : 'a');
      await expect(takeOut(mistyped)).rejects.toThrow('404');
      await expect(takeOut('')).rejects.toThrow('is empty');
      expect(world.transcript.requests()).toEqual([expect.stringMatching(/ GET /)]);
      expect(client(world, clientId)).toEqual(before);
      expect(await takeOut(leaked)).toBe(`${leaked} is gone\n`);
      expect(client(world, clientId)).toEqual({ method, associated: [kept], pool: [kept] });
      world.transcript.clear();
      await expect(takeOut(kept)).rejects.toThrow('it is the only one: rotate first');
      expect(world.transcript.requests()).toEqual(Array(2).fill(expect.stringMatching(/ GET /)));
      expect(client(world, clientId)).toEqual({ method, associated: [kept], pool: [kept] });
    },
  );
});

describe('after a rotation of a fleet', () => {
  const HEADING = 'After a rotation of a fleet';

  it('the table has the fields of the output result, and no others', () => {
    const [, section = ''] = readFileSync('docs/recipes.md', 'utf8').split(`### ${HEADING}\n`);
    const [table = ''] = /^\| field[\s\S]+?\n\n/m.exec(section) ?? [];
    const named = table
      .split('\n')
      .flatMap((row) => [...(row.split(' | ')[0] ?? '').matchAll(/`([\w-]+)`/g)]);
    const told = [
      result({}, settled, { error: failure() }),
      result({}, settled, { watch: { findings: [], lifetime: undefined, isAtWork: false } }),
    ];
    const fields = told.flatMap((one) => Object.keys(entryOf(one)));
    expect(named.map(([, name]) => name).sort()).toEqual([...new Set([...fields, 'left-out'])].sort());
  });

  it.skipIf(!program('jq'))(
    'a deployment starts where each client delivers to, also in a run that only finished a delivery',
    async () => {
      const { deploy } = parse(snippet(HEADING, 'yaml'));
      const rotated = (clientId: string, ...destinations: string[]) =>
        result({ destinations }, settled, { outcome: outcome({ clientId }) });
      const entries = [
        result({ clientId: 'idle' }, settled, { outcome: idle() }),
        rotated('shop', 'repo:acme/shop', 'repo:acme/more'),
        rotated('billing', 'env:acme/billing/production/eu'),
        rotated('reports', 'org:acme'),
        // Its first destination is the environment of the rotation.
        rotated('orders', 'env:acme/rotations/auth0-rotation', 'env:acme/orders/production'),
        // The run before died between two destinations.
        result({ clientId: 'late', destinations: ['repo:acme/late'] }, settled, {
          outcome: { ...idle(), clientId: 'late', delivered: ['env:acme/late/production PEM'] },
        }),
      ].map(entryOf);
      const RESULT = JSON.stringify([...entries, { 'left-out': 1 }]);
      const [, words = ''] = /contains\(needs\.rotate\.outputs\.result, '(.+)'\)/.exec(deploy.if) ?? [];
      expect([RESULT.includes(words), JSON.stringify(entries.slice(0, 1)).includes(words)]).toEqual([
        true,
        false,
      ]);
      const SERVICES = JSON.stringify({ orders: 'acme/orders' });
      const given = { PATH: process.env.PATH ?? '', GITHUB_REPOSITORY: 'acme/rotations', RESULT, SERVICES };
      expect(JSON.parse(deploy.steps.at(-1).env.SERVICES)).toEqual({ billingClientId: 'acme/billing' });
      const script = (gh: string) => `gh() { cat; echo "$@"; ${gh}; }\n${deploy.steps.at(-1).run}`;
      const line = (repository: string, client: string) =>
        `workflow run deploy.yml --repo acme/${repository} --field client=${client}\n`;
      expect(await run(BASH, script('true'), given)).toBe(
        line('shop', 'shop') +
          line('billing', 'billing') +
          line('rotations', 'reports') +
          line('orders', 'orders') +
          line('late', 'late'),
      );
      // One that fails keeps none of the others, and fails the job.
      const failing = `(${script('[ "$5" != acme/shop ]')}) || echo "exit $?"`;
      expect(await run(BASH, failing, given)).toBe(
        `${line('shop', 'shop')}::error::No deployment of shop was started in acme/shop.\n${line('billing', 'billing')}${line('rotations', 'reports')}${line('orders', 'orders')}${line('late', 'late')}exit 1\n`,
      );
    },
  );
});

it.skipIf(!program('jq'))(
  'a record of a run has a line for each client, with the run and who started it',
  async () => {
    const { archive } = parse(snippet('A record for auditors', 'yaml'));
    const entries = [
      result({ clientId: 'shop' }, settled, { outcome: outcome({ clientId: 'shop' }) }),
      result({ clientId: 'billing' }, settled, { error: failure() }),
    ].map(entryOf);
    const url = 'https://archive.example/of-the-team';
    // The address is in no list of processes: it comes by a file.
    const curl = `curl() { cat; cat "\${@: -1}" >&2; case "$*" in *archive*) exit 9;; esac; }`;
    const told = await run(BASH, `${curl}\n(${archive.steps[0].run}) 2>&1`, {
      PATH: process.env.PATH ?? '',
      ARCHIVE_URL: url,
      RESULT: JSON.stringify(entries),
      RUN_URL: 'https://github.example/runs/1',
      GITHUB_ACTOR: 'ada',
    });
    const lines = told.split('\n');
    expect(lines.slice(0, 2).map((line) => JSON.parse(line))).toEqual(
      entries.map((entry) => ({ ...entry, run: 'https://github.example/runs/1', actor: 'ada' })),
    );
    expect(lines[2]).toBe(`url = "${url}"`);
  },
);

it('a ping asks the address of the monitor, which no list of processes shows', async () => {
  const { ping } = parse(snippet('A ping at the end of each run', 'yaml'));
  // A job that is skipped, such as a hand-over of a day without a rotation, would otherwise skip this one.
  expect(ping.if).toContain('!failure() && !cancelled()');
  const curl = `curl() { cat "\${@: -1}"; case "$*" in *monitor*) exit 9;; esac; }`;
  const told = await run(BASH, `${curl}\n${ping.steps[0].run}`, {
    PATH: process.env.PATH ?? '',
    PING_URL: 'https://monitor.example/of-the-team',
  });
  expect(told).toBe('url = "https://monitor.example/of-the-team"');
});

describe('a service on a virtual machine', () => {
  const HEADING = 'A service on a virtual machine';
  const target = `${folder}/auth0.pem`;
  /** The machine is this one, and what it is told runs in another shell. */
  const machine = (link: string) => `ssh() { ${link} bash -c "\${!#}"; }
    sudo() { echo "$@ $(stat --format %a ${target}) $(cat ${target})"; }; export -f sudo\n`;
  const bring = (PEM: string, link = '') => {
    const { deploy } = parse(snippet(HEADING, 'yaml')).jobs;
    const script = deploy.steps[0].run.replaceAll('/etc/shop', folder);
    return run(BASH, machine(link) + script, {
      PATH: process.env.PATH ?? '',
      TMPDIR: folder,
      PEM,
      SSH_KEY: 'key',
      SSH_KNOWN_HOSTS: 'hosts',
      SSH_TARGET: 'shop@localhost',
    });
  };

  it('gets the whole file, readable by the service alone, and reloads', async () => {
    expect(await bring('a\n-----END CERTIFICATE-----')).toBe(
      'systemctl reload shop 600 a\n-----END CERTIFICATE-----\n',
    );
    const kept = readFileSync(target, 'utf8');
    // A file whose end did not arrive, and no secret at all.
    await expect(bring('b\n-----END CERTIFICATE-----', 'head --bytes 5 |')).rejects.toThrow();
    await expect(bring('')).rejects.toThrow();
    expect(readFileSync(target, 'utf8')).toBe(kept);
  });
});

describe.skipIf(!program('kubectl') || !program('jq'))('the service account for Kubernetes', () => {
  it("is the only one whose token is stored, and the cluster's address and CA are for the workflow", async () => {
    const named = (name: string, value: object) => [{ name: 'shop', [name]: value }];
    const administrator = {
      kind: 'Config',
      clusters: named('cluster', {
        server: 'https://cluster.example',
        'certificate-authority': shared().caFile,
      }),
      users: named('user', { token: 'of-the-administrator' }),
      contexts: named('context', { cluster: 'shop', user: 'shop' }),
      'current-context': 'shop',
    };
    // A cluster is not there: what is asked of it is printed, and the token is known.
    const cluster = `kubectl() {
        case "$*" in
          "config "*) command kubectl "$@";;
          *jsonpath*) printf 'of-the-account' | base64;;
          "apply "*) cat >&2;;
          *) echo "$@" >&2;;
        esac
      }
      gh() { echo "$@: $(cat)"; }\n`;
    const told = await run(BASH, cluster + snippet('A service account for Kubernetes', 'bash'), {
      PATH: process.env.PATH ?? '',
      KUBECONFIG: write(folder, 'administrator.json', JSON.stringify(administrator)),
    });
    expect(told).toBe(
      `secret set SHOP_CLUSTER_TOKEN --env production: of-the-account\nhttps://cluster.example\n${readFileSync(shared().caFile, 'utf8')}\n`,
    );
  });
});

describe('the role in Vault', () => {
  it.skipIf(!program('jq'))('is bound to this repository and branch, by what no rename changes', async () => {
    // Vault is no package of these machines: it is seen what would be sent to it.
    const script = `vault() { case "$2" in auth/jwt/role/*) cat;; policy) cat > /dev/null;; esac; }
      ${snippet('A certificate from Vault or step-ca', 'bash', undefined, 0)}`;
    const env = { PATH: process.env.PATH ?? '', REPOSITORY_ID: '123456789', CLIENT_ID: 'shop' };
    expect(JSON.parse(await run(BASH, script, env))).toMatchObject({
      bound_claims: { repository_id: '123456789', ref: 'refs/heads/main' },
      bound_audiences: ['vault'],
    });
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
    const path = (name: string, text: string) => write(folder, name, text);
    const changes = [
      ['listen 443 ssl', `listen 127.0.0.1:${port} ssl`, 2],
      ['server_name mtls.login.example.com', 'server_name localhost', 1],
      ['/etc/nginx/tls/login.example.com.pem', path('edge.pem', cert), 2],
      ['/etc/nginx/tls/login.example.com.key', path('edge.key', key), 2],
      ['/etc/nginx/tls/client-ca.pem', world.caFile, 1],
      ['/etc/ssl/certs/ca-certificates.crt', world.caFile, 2],
      ['https://origin.edge.tenants.example', world.tenantUrl, 2],
      ['origin.edge.tenants.example', world.domain, 2],
      ['the key that Auth0 shows', world.edgeSecret, 2],
    ] as const;
    const shown = snippet('The mTLS edge, with nginx', 'nginx');
    const server = changes.reduce((text, [from, to, times]) => {
      expect(text.split(from).length - 1, from).toBe(times);
      return text.replaceAll(from, to);
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

  it('lets in the holder of the certificate, before and after a rotation, and nobody else', async () => {
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

  it('lets in anybody who has a certificate of the CA', async () => {
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

  it('sends Auth0 the address of the caller, whatever the caller claims', async () => {
    const world = shared();
    const { clientId, pem } = world.addServiceClient({ name: 'far away' });
    world.transcript.clear();
    expect(await ask({ clientId, pem }, { 'X-Forwarded-For': '203.0.113.7, 198.51.100.9' })).toBe(200);
    const told = world.transcript
      .arrivals()
      .map(({ request }) => request.headers['x-forwarded-for'])
      .filter((one) => one !== undefined);
    expect(told).toEqual(['127.0.0.1']);
  });

  it('shows nothing but what services need', async () => {
    const world = shared();
    const status = async (path: string) => (await world.call(url + path)).status;
    expect(await status('/.well-known/openid-configuration')).toBe(200);
    expect(await status('/api/v2/clients')).toBe(404);
  });

  it.skipIf(!program('openssl') || !program('curl'))(
    'asks no browser for a certificate, and forwards none',
    async () => {
      await expectForPeople(shared(), new URL(url).port, folder);
    },
  );
});
