/** The main job, through the committed bundle. */

import { execFileSync } from 'node:child_process';
import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { connect, createSecureContext } from 'node:tls';
import { describe, expect, it } from 'vitest';
import type { ActionRun } from '../emulators/runner.ts';
import { API_AUDIENCE, type Sandbox, startSandbox } from '../emulators/sandbox.ts';
import {
  BY_HAND,
  credentialOf,
  credentials,
  DAY,
  held,
  login,
  MINUTE,
  rotate,
  SCOPE,
  settle,
  writes,
} from './support.ts';

/** Log and outputs without what differs from run to run. */
function normal(world: Sandbox, { log, outputs }: ActionRun): string {
  const { pool } = credentials(world);
  let text = `${log}\n${Object.entries(outputs)
    .map(([name, value]) => `${name}=${value}`)
    .join('\n')}`.replaceAll(world.clientId, '{client}');
  for (const id of pool)
    text = text.replaceAll(id, id === world.client.credentialId ? '{hand-made}' : '{credential}');
  return text
    .replace(/\d{4}-\d\d-\d\dT[\d:.]+Z/g, '{time}')
    .replace(/\d{4}-\d\d-\d\d|\b\d+ [A-Z][a-z]+ \d{4}\b/g, '{day}')
    .replace(/^( {2}done) in \d+ s$/gm, '$1')
    .replaceAll(outputs.thumbprint ?? '', '{thumbprint}')
    .split('\n')
    .filter((line) => !line.includes('still at it'))
    .join('\n');
}

/** As a consumer with openssl takes it apart. */
function loginByPkcs12(world: Sandbox, text: string, password: string): Promise<number> {
  const pem = execFileSync('openssl', ['pkcs12', '-nodes', '-passin', 'env:PASSWORD'], {
    input: Buffer.from(text, 'base64'),
    encoding: 'utf8',
    env: { PATH: process.env.PATH, PASSWORD: password },
  });
  return login(world, pem);
}

describe('rotate', () => {
  it('keeps the subject and the key size of the certificate in use, where no input sets them', async () => {
    await using world = await startSandbox();
    await rotate(world, { subject: 'CN=orders,O=Acme', 'key-size': '3072' });
    await settle(world);
    const first = held(world);
    const second = await rotate(world, { force: 'true', 'current-credential': first });
    expect([second.exitCode, held(world) === first]).toEqual([0, false]);
    const { publicKey, subject } = new X509Certificate(held(world));
    expect([subject, publicKey.asymmetricKeyDetails?.modulusLength]).toEqual(['O=Acme\nCN=orders', 3072]);
  });

  it('adopts a client with a hand-made certificate, then has nothing to do', async () => {
    await using world = await startSandbox();
    const before = structuredClone(world.tenant.reveal(world.clientId).client);
    const first = await rotate(world);
    expect(first).toMatchObject({ exitCode: 0, droppedOutputs: [], files: [], stderr: '' });
    expect(world.transcript.requests().sort()).toMatchSnapshot('requests of the first rotation');
    expect(normal(world, first)).toMatchSnapshot('what the first rotation tells');
    expect(world.transcript.count()).toBeLessThanOrEqual(17);
    const { pool, associated } = credentials(world);
    expect(pool).toHaveLength(2);
    expect(associated).toEqual(pool);
    const certificate = new X509Certificate(held(world).slice(held(world).indexOf('-----BEGIN CERTIFICATE')));
    const thumbprint = Buffer.from(certificate.fingerprint256.replaceAll(':', ''), 'hex').toString(
      'base64url',
    );
    expect(first.outputs).toMatchObject({
      rotated: 'true',
      reason: 'FirstDelivery',
      thumbprint,
      matrix: '[]',
      'removed-credential-ids': '[]',
    });
    expect(pool).toContain(first.outputs['credential-id']);
    expect([await login(world), await login(world, world.client.pem)]).toEqual([200, 200]);
    const { client_authentication_methods: _, ...rest } = world.tenant.reveal(world.clientId).client;
    const { client_authentication_methods: __, ...same } = before;
    expect(rest).toEqual(same);

    const second = await rotate(world);
    expect(second.outputs).toMatchObject({ rotated: 'false', reason: 'NotDue', thumbprint });
    expect(world.transcript.requests().sort()).toMatchSnapshot('requests when nothing is due');
    expect(world.transcript.count()).toBeLessThanOrEqual(4);
    expect(normal(world, second)).toMatchSnapshot('what is told when nothing is due');
    expect(second.summary).toContain('nothing is due');
  });

  it('makes room for a forced rotation, with at most 28 requests', async () => {
    await using world = await startSandbox();
    await settle(world);
    const run = await rotate(world, { force: 'true' }, BY_HAND);
    expect(run.outputs['removed-credential-ids']).toBe(JSON.stringify([world.client.credentialId]));
    // 25, and three that try a write, since the one that gives way was made by hand.
    expect(world.transcript.count()).toBeLessThanOrEqual(28);
    expect(await login(world)).toBe(200);
    expect(run.annotations).toEqual([]);
    const again = await rotate(world, { force: 'true' }, BY_HAND);
    expect(again.annotations.map(({ level, message }) => [level, message])).toEqual([
      ['warning', expect.stringContaining('superseded less than a day ago')],
    ]);
  });

  it('rotates when the certificate expires soon', async () => {
    await using world = await startSandbox();
    await settle(world);
    world.advance(61 * DAY);
    expect((await rotate(world)).outputs).toMatchObject({ rotated: 'true', reason: 'CertificateExpiring' });
    expect(await login(world)).toBe(200);
  });

  it('retires the previous credential when the overlap is over, not in the run that delivered', async () => {
    await using world = await startSandbox();
    const overlap = { overlap: '12h' };
    await settle(world, overlap);
    const previous = held(world);
    await rotate(world, { ...overlap, force: 'true' });
    expect(credentials(world).pool).toHaveLength(2);
    world.advance(11 * 60 * MINUTE);
    expect((await rotate(world, overlap)).outputs['removed-credential-ids']).toBe('[]');
    world.advance(61 * MINUTE);
    const removed = JSON.stringify([credentialOf(world, previous)]);
    expect((await rotate(world, overlap)).outputs['removed-credential-ids']).toBe(removed);
    expect([await login(world), await login(world, previous)]).toEqual([200, 401]);
  });

  it('keeps one that was made by hand for a week after it was announced', async () => {
    await using world = await startSandbox();
    const overlap = { overlap: '12h' };
    expect((await rotate(world, overlap)).annotations.map(({ message }) => message)).toEqual([
      expect.stringContaining('name it in keep-credentials'),
    ]);
    world.advance(6 * DAY);
    expect((await rotate(world, overlap)).outputs['removed-credential-ids']).toBe('[]');
    world.advance(DAY + MINUTE);
    const removed = JSON.stringify([world.client.credentialId]);
    expect((await rotate(world, overlap)).outputs['removed-credential-ids']).toBe(removed);
  });

  it('plans without a change', async () => {
    await using world = await startSandbox();
    const run = await rotate(world, { operation: 'plan' });
    expect(run.outputs).toMatchObject({ rotated: 'false', reason: 'FirstDelivery' });
    expect(JSON.parse(run.outputs.plan ?? '').steps).toHaveLength(5);
    expect(writes(world)).toEqual([]);
  });

  it('delivers to a repository, an environment and an organization, and to secrets for the parts', async () => {
    await using world = await startSandbox();
    const organization = { destinations: 'org:acme' };
    world.github.seedSecret('org:acme', 'AUTH0_MTLS_PEM', 'old', {
      visibility: 'selected',
      selectedRepositoryIds: [world.github.addRepository('acme/tool')],
      updatedAt: Date.now() - 60_000,
    });
    const before = world.github.secret('org:acme', 'AUTH0_MTLS_PEM');
    // Nobody but a person may say that what it holds is to be replaced.
    const inputs = { ...organization, 'current-credential': '', force: 'true' };
    expect((await rotate(world, inputs, BY_HAND)).exitCode).toBe(0);
    expect(world.github.secret('org:acme', 'AUTH0_MTLS_PEM')).toMatchObject({
      visibility: 'selected',
      selectedRepositoryIds: before?.selectedRepositoryIds,
    });
    const service = world.addServiceClient({ name: 'two' });
    world.github.addRepository('acme/ops', { environments: ['eu/prod'] });
    const run = await rotate(world, {
      'client-id': service.clientId,
      'secret-name': 'TWO',
      'current-credential': '',
      destinations: `${SCOPE}\nenv:acme/ops/eu/prod`,
      'private-key-secret-name': 'TWO_KEY',
      'certificate-secret-name': 'TWO_CRT',
    });
    expect(run.exitCode).toBe(0);
    const [pair, key, certificate] = ['TWO', 'TWO_KEY', 'TWO_CRT'].map((name) =>
      held(world, 'env:acme/ops/eu/prod', name),
    );
    expect(pair).toBe(`${key}${certificate}`);
    expect(pair).toBe(held(world, SCOPE, 'TWO'));
  });

  it.each(['s3same, open', ''])('and as PKCS#12, with the password %j', async (password) => {
    await using world = await startSandbox();
    const inputs = { 'pkcs12-secret-name': 'P12', 'pkcs12-password': password };
    const run = await rotate(world, inputs);
    expect(run).toMatchObject({ exitCode: 0, stderr: '', droppedOutputs: [] });
    const text = held(world, SCOPE, 'P12');
    expect(run.masks).toEqual(expect.arrayContaining([text, ...(password ? [password] : [])]));
    expect(await loginByPkcs12(world, text, password)).toBe(200);
    // A changed password is no reason for a new pair.
    world.advance(20 * MINUTE);
    const idle = await rotate(world, { ...inputs, 'pkcs12-password': 'another one' });
    expect([idle.outputs.reason, held(world, SCOPE, 'P12')]).toEqual(['NotDue', text]);
  });

  it('as PKCS#12 for a consumer that asks for it later: the current pair, without a rotation', async () => {
    await using world = await startSandbox();
    await settle(world);
    const before = held(world);
    const run = await rotate(world, { 'pkcs12-secret-name': 'P12', 'pkcs12-password': 's3same, open' });
    expect([run.exitCode, run.outputs.rotated, held(world)]).toEqual([0, 'false', before]);
    expect(await loginByPkcs12(world, held(world, SCOPE, 'P12'), 's3same, open')).toBe(200);
  });
});

describe('the stored pair is read as it is by', () => {
  const folder = mkdtempSync(join(tmpdir(), 'consumer-'));
  const run = (program: string, ...args: string[]) => execFileSync(program, args, { encoding: 'utf8' });

  async function stored(work: (world: Sandbox, file: string) => Promise<void> | void): Promise<void> {
    await using world = await startSandbox();
    await rotate(world);
    const file = join(folder, 'credential.pem');
    writeFileSync(file, held(world), { mode: 0o600 });
    await work(world, file);
  }

  it('openssl', async () => {
    await stored((_, file) => {
      const publicKeys = [
        run('openssl', 'pkey', '-in', file, '-pubout'),
        run('openssl', 'x509', '-in', file, '-noout', '-pubkey'),
      ];
      expect(publicKeys[0]).toBe(publicKeys[1]);
      const certificate = join(folder, 'certificate.pem');
      writeFileSync(certificate, run('openssl', 'x509', '-in', file));
      expect(
        run(
          'openssl',
          'verify',
          '-x509_strict',
          '-purpose',
          'sslclient',
          '-CAfile',
          certificate,
          certificate,
        ),
      ).toContain('OK');
    });
  });

  it('Node', async () => {
    await stored(async (world, file) => {
      const pem = readFileSync(file, 'utf8');
      const context = createSecureContext({ key: pem, cert: pem, ca: world.authority.pem });
      const socket = connect({ port: world.edge.port, host: 'localhost', secureContext: context });
      await once(socket, 'secureConnect');
      expect(socket.getCertificate()).toMatchObject({ subject: { CN: world.clientId } });
      socket.destroy();
    });
  });

  it('curl', async () => {
    await stored(async (world, file) => {
      const { execFile } = await import('node:child_process');
      const args = [
        '-s',
        '--cacert',
        world.caFile,
        '--cert',
        file,
        '-d',
        `grant_type=client_credentials&client_id=${world.clientId}&audience=${API_AUDIENCE}`,
        world.edge.tokenEndpoint,
      ];
      const answer = await new Promise<string>((resolve, reject) => {
        execFile('curl', args, (error, stdout) => (error ? reject(error) : resolve(stdout)));
      });
      expect(JSON.parse(answer)).toMatchObject({ access_token: expect.any(String) });
    });
    rmSync(folder, { recursive: true, force: true });
  });
});
