/**
 * Contender (c) of the bench: the rotation as an author of an action writes it with the official SDKs. The bench bundles
 * it to one file first, as it would be shipped. auth0 v7 has no AuthenticationClient any more: its ManagementClient logs
 * in by itself, and the proof over mTLS is undici's.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto';
import * as core from '@actions/core';
import { getOctokit } from '@actions/github';
import { ManagementClient } from 'auth0';
import sodium from 'libsodium-wrappers';
import forge from 'node-forge';
import { Agent, request } from 'undici';

interface Pair {
  privateKey: string;
  certificate: string;
}

const DAY_MS = 86_400_000;

function issue(commonName: string): Pair {
  const keys = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
    publicKeyEncoding: { type: 'spki', format: 'pem' },
  });
  const certificate = forge.pki.createCertificate();
  certificate.publicKey = forge.pki.publicKeyFromPem(keys.publicKey);
  certificate.serialNumber = `01${randomBytes(15).toString('hex')}`;
  certificate.validity.notBefore = new Date();
  certificate.validity.notAfter = new Date(Date.now() + 90 * DAY_MS);
  const subject = [{ shortName: 'CN', value: commonName }];
  certificate.setSubject(subject);
  certificate.setIssuer(subject);
  certificate.setExtensions([
    { name: 'basicConstraints', cA: false, critical: true },
    { name: 'keyUsage', digitalSignature: true, critical: true },
    { name: 'extKeyUsage', clientAuth: true },
    { name: 'subjectKeyIdentifier' },
  ]);
  certificate.sign(forge.pki.privateKeyFromPem(keys.privateKey), forge.md.sha256.create());
  return { privateKey: keys.privateKey, certificate: forge.pki.certificateToPem(certificate) };
}

/** Uploads the certificate and associates it beside the newest credential of the client. */
async function enrol(auth0: ManagementClient, clientId: string, pem: string): Promise<void> {
  const [client, pool] = await Promise.all([
    auth0.clients.get(clientId, { fields: 'client_id,client_authentication_methods', include_fields: true }),
    auth0.clients.credentials.list(clientId),
  ]);
  const associated = client.client_authentication_methods?.self_signed_tls_client_auth?.credentials ?? [];
  const current = pool
    .filter(({ id }) => associated.some((credential) => credential.id === id))
    .sort((a, b) => `${b.created_at}`.localeCompare(`${a.created_at}`))[0];
  const created = await auth0.clients.credentials.create(clientId, {
    credential_type: 'x509_cert',
    name: `rotation ${new Date().toISOString()}`,
    pem,
  });
  const credentials = [current?.id, created.id].flatMap((id) => (id === undefined ? [] : [{ id }]));
  await auth0.clients.update(clientId, {
    client_authentication_methods: { self_signed_tls_client_auth: { credentials } },
  });
}

/** The new certificate gets a token. */
async function prove(url: string, clientId: string, { privateKey, certificate }: Pair): Promise<void> {
  const dispatcher = new Agent({ connect: { key: privateKey, cert: certificate } });
  const { statusCode, body } = await request(url, {
    method: 'POST',
    dispatcher,
    headers: { 'content-type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams({
      grant_type: 'client_credentials',
      client_id: clientId,
      audience: core.getInput('verify-audience'),
    }).toString(),
  });
  const { access_token: token } = (await body.json()) as { access_token?: string };
  if (statusCode !== 200 || token === undefined) throw new Error(`the proof failed: ${statusCode}`);
  await dispatcher.close();
}

async function store(pem: string): Promise<void> {
  await sodium.ready;
  const { actions } = getOctokit(core.getInput('github-token')).rest;
  const [owner = '', repo = ''] = `${process.env.GITHUB_REPOSITORY}`.split('/');
  const { data } = await actions.getRepoPublicKey({ owner, repo });
  const sealed = sodium.crypto_box_seal(pem, sodium.from_base64(data.key, sodium.base64_variants.ORIGINAL));
  await actions.createOrUpdateRepoSecret({
    owner,
    repo,
    secret_name: `${process.env.SECRET_NAME}`,
    encrypted_value: sodium.to_base64(sealed, sodium.base64_variants.ORIGINAL),
    key_id: data.key_id,
  });
}

async function main(): Promise<void> {
  const clientId = core.getInput('client-id', { required: true });
  const pair = issue(clientId);
  // As the action proves: the pair in use before anything changes, and the new one once more on another connection.
  const current = process.env.CURRENT_CREDENTIAL;
  const url = `${process.env.MTLS_TOKEN_URL}`;
  if (current) await prove(url, clientId, { privateKey: current, certificate: current });
  const auth0 = new ManagementClient({
    domain: core.getInput('auth0-domain', { required: true }),
    clientId: core.getInput('management-client-id'),
    clientSecret: core.getInput('management-client-secret'),
  });
  await enrol(auth0, clientId, pair.certificate);
  await prove(url, clientId, pair);
  if (current) await prove(url, clientId, pair);
  await store(pair.privateKey + pair.certificate);
  core.setOutput('rotated', true);
}

main().catch((error: unknown) => core.setFailed(error instanceof Error ? error : `${error}`));
