/** Programs in Java, as docs/recipes.md writes them, log in with the secrets that the action has delivered: the PEM and the PKCS#12. */

import { execFileSync } from 'node:child_process';
import { existsSync, readdirSync, realpathSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { createEdge, type Edge } from '../emulators/edge.ts';
import { operate, secretClient, sharedWorld } from '../scenarios/operations.ts';
import { held, SCOPE } from '../scenarios/support.ts';
import {
  BASH,
  environment,
  expectToken,
  program,
  type Reader,
  requirePrograms,
  run,
  snippet,
  temporaryFolder,
  write,
} from './recipe.ts';

requirePrograms(['java', 'keytool']);

const INSTALLED = '/usr/lib/jvm';
/** Every Java of this machine that runs a source file as it is. */
const JAVAS = [
  ...new Set(
    [
      program('java') ?? '',
      ...(existsSync(INSTALLED) ? readdirSync(INSTALLED) : []).map((name) =>
        join(INSTALLED, name, 'bin/java'),
      ),
    ]
      .filter((path) => existsSync(path))
      .map((path) => realpathSync(path))
      .filter((path) => existsSync(join(path, '../javac'))),
  ),
];

const IMPORTS = [
  'java.io',
  'java.net',
  'java.net.http',
  'java.nio.charset',
  'java.security',
  'java.security.cert',
  'java.security.spec',
  'java.util',
  'javax.net.ssl',
];

describe.skipIf(JAVAS.length === 0)('Java', () => {
  const folder = temporaryFolder();
  const shared = sharedWorld();
  const PASSWORD = 's3same, open';
  let reader: Reader;
  let pkcs12: string;
  let trust: string;
  let edge: Edge;
  afterAll(() => edge[Symbol.asyncDispose]());

  beforeAll(async () => {
    const world = shared();
    const inputs = { 'pkcs12-secret-name': 'P12', 'pkcs12-password': PASSWORD };
    expect((await operate(world, inputs)).exitCode).toBe(0);
    reader = { clientId: world.clientId, pem: held(world) };
    pkcs12 = held(world, SCOPE, 'P12');
    // It names no CA.
    edge = await createEdge({
      authority: world.authority,
      upstream: world.tenantUrl,
      edgeSecret: world.edgeSecret,
    });
    trust = join(folder, 'trust.p12');
    const store = ['-keystore', trust, '-storepass', 'changeit', '-storetype', 'PKCS12'];
    execFileSync('keytool', ['-importcert', '-noprompt', '-alias', 'ca', '-file', world.caFile, ...store], {
      stdio: 'ignore',
    });
  });

  const env = (more: Record<string, string> = {}) => ({
    ...environment(shared(), folder, reader),
    MTLS_HOST: edge.host,
    P12: pkcs12,
    P12_PASSWORD: PASSWORD,
    ...more,
  });

  function java(at: string, body: string, given = env()): Promise<string> {
    const imports = [
      ...IMPORTS.map((name) => `import ${name}.*;`),
      'import java.security.cert.Certificate;',
    ].join('\n');
    const main = `public class Main { public static void main(String[] arguments) throws Exception {\n${body}\n} }`;
    const source = write(folder, 'Main.java', `${imports}\n${main}\n`);
    const options = [`-Djavax.net.ssl.trustStore=${trust}`, '-Djavax.net.ssl.trustStorePassword=changeit'];
    return run([at, ...options], source, given, folder);
  }

  const ANSWER = 'System.out.println(answer.body());';
  const pkcs12Program = () => snippet('Java \\(PKCS#12\\)', 'java');
  /** The rest is as above. */
  const pemProgram = () => {
    const [, rest = ''] = pkcs12Program().split(/^store\.load.*\n/m);
    return snippet('Java \\(the PEM\\)', 'java') + rest;
  };

  it.each(JAVAS)('%s with the PKCS#12', async (at) => {
    expectToken(await java(at, pkcs12Program() + ANSWER));
  });

  it.each(JAVAS)('%s with the PEM', async (at) => {
    expectToken(await java(at, pemProgram() + ANSWER));
  });

  it.each(JAVAS)('%s with a PKCS#12 without a password', async (at) => {
    const world = shared();
    const { clientId } = world.addServiceClient({ name: 'no password' });
    const inputs = { 'client-id': clientId, 'secret-name': 'OTHER', 'pkcs12-secret-name': 'OTHER_P12' };
    expect((await operate(world, { ...inputs, 'current-credential': '' })).exitCode).toBe(0);
    const given = env({ CLIENT_ID: clientId, P12: held(world, SCOPE, 'OTHER_P12'), P12_PASSWORD: '' });
    expectToken(await java(at, pkcs12Program() + ANSWER, given));
  });

  it('not with the pair of another client', async () => {
    const [at = ''] = JAVAS;
    const { clientId } = shared().addServiceClient({ name: 'another' });
    expect(await java(at, pkcs12Program() + ANSWER, env({ CLIENT_ID: clientId }))).toContain('access_denied');
  });

  it('sends no certificate to an edge that names CAs', async () => {
    const [at = ''] = JAVAS;
    const MTLS_HOST = new URL(shared().edgeUrl).host;
    expect(await java(at, pkcs12Program() + ANSWER, env({ MTLS_HOST }))).toContain('access_denied');
  });

  it('keytool and openssl show what is in it', async () => {
    const script = `cd ${folder}\n${snippet('Java \\(PKCS#12\\)', 'bash')}`;
    const told = await run(BASH, script, env());
    expect(told).toContain(`${reader.clientId.toLowerCase()}, `);
    expect(told).toContain('PrivateKeyEntry');
    expect(told).toContain(`friendlyName: ${reader.clientId}`);
  });

  it.each(JAVAS)('%s loads the key of private_key_jwt', async (at) => {
    const world = shared();
    const clientId = secretClient(world);
    const inputs = {
      'client-id': clientId,
      'secret-name': 'KEY',
      'authentication-method': 'private_key_jwt',
    };
    expect((await operate(world, { ...inputs, operation: 'enroll' })).exitCode).toBe(0);
    const body = `${snippet('Java', 'java')}System.out.println(key.getAlgorithm() + " " + ((java.security.interfaces.RSAKey) key).getModulus().bitLength());`;
    expect(await java(at, body, env({ PEM: held(world, SCOPE, 'KEY') }))).toBe('RSA 2048\n');
  });
});
