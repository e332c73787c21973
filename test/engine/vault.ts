/** Vault, as far as examples/ca-signed-vault.yml uses it, and the identity that GitHub gives a job with `id-token: write`. */
import { randomBytes } from 'node:crypto';
import type { EmulatorRequest, EmulatorResponse } from '../emulators/emulator.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import { type Served, serve } from '../emulators/serve.ts';
import type { CertificateAuthority } from './authority.ts';

export interface Vault {
  served: Served;
  /** act defines neither of these two variables (nektos/act-docs, not_supported.md: "Openid Connect url is not defined"). */
  identity: Record<string, string>;
  /** Identities and tokens that it has given. */
  tokens: string[];
}

const secret = () => randomBytes(24).toString('hex');
const json = (status: number, body: object): EmulatorResponse => ({
  status,
  headers: { 'content-type': 'application/json' },
  body: JSON.stringify(body),
});
const DENIED = json(403, { errors: ['permission denied'] });

export async function startVault(world: Sandbox, authority: CertificateAuthority): Promise<Vault> {
  const request = secret();
  const identities = new Set<string>();
  const tokens = new Set<string>();
  const all: string[] = [request];
  const given = (set: Set<string>) => {
    const value = secret();
    set.add(value);
    all.push(value);
    return value;
  };
  const handle = ({ path, headers, body }: EmulatorRequest): EmulatorResponse => {
    if (path === '/identity?api-version=2.0&audience=vault') {
      const known = headers.authorization === `bearer ${request}`;
      return known ? json(200, { value: given(identities) }) : json(401, {});
    }
    if (path === '/v1/auth/jwt/login') {
      const { role, jwt } = JSON.parse(body) as { role: string; jwt: string };
      if (role !== 'auth0-rotation' || !identities.delete(jwt)) return DENIED;
      return json(200, { auth: { client_token: given(tokens) } });
    }
    if (path !== '/v1/pki/sign/auth0' || !tokens.has(headers['x-vault-token'] ?? '')) return DENIED;
    const { csr } = JSON.parse(body) as { csr: string };
    return json(200, {
      data: { certificate: authority.sign(csr).trim(), ca_chain: [authority.certificate.trim()] },
    });
  };
  const served = await serve({ handle }, { tls: world.authority.serverCertificate(['vault.example.com']) });
  const identity = {
    ACTIONS_ID_TOKEN_REQUEST_URL: `${served.url}/identity?api-version=2.0`,
    ACTIONS_ID_TOKEN_REQUEST_TOKEN: request,
  };
  return { served, identity, tokens: all };
}
