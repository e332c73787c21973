/** The GitHub App that the workflows log in as, with a token for exactly what a workflow asks for. */
import { createPublicKey, generateKeyPairSync, randomBytes, verify } from 'node:crypto';
import type { EmulatorRequest, EmulatorResponse } from '../emulators/emulator.ts';
import type { Grant } from '../emulators/github-access.ts';
import type { Sandbox } from '../emulators/sandbox.ts';
import { type Served, serve } from '../emulators/serve.ts';

/** What its owner has let it do. */
const PERMISSIONS: Grant['permissions'] = {
  secrets: 'write',
  environments: 'write',
  organization_secrets: 'write',
  actions: 'read',
};

interface Asked {
  owner: string;
  /** Empty: all of the owner. */
  repositories: string[];
  /** Empty: all that the app has. */
  permissions: Record<string, 'read' | 'write'>;
}

export class GitHubApp implements AsyncDisposable {
  readonly clientId = 'Iv23liSandboxApp';
  /** PKCS#8. */
  readonly privateKey: string;
  readonly #publicKey: string;
  readonly #world: Sandbox;
  readonly #prefix: string;
  /** All tokens, revoked or not. */
  readonly tokens: string[] = [];
  /** Where it is no longer installed. */
  readonly gone = new Set<string>();
  readonly #live = new Set<string>();
  #served: Served | undefined;

  private constructor(world: Sandbox, prefix: string) {
    this.#world = world;
    this.#prefix = prefix;
    const pair = generateKeyPairSync('rsa', {
      modulusLength: 2048,
      privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
      publicKeyEncoding: { type: 'spki', format: 'pem' },
    });
    this.privateKey = pair.privateKey;
    this.#publicKey = pair.publicKey;
  }

  /** @param prefix `ghs_` on GitHub: the action then looks for six seconds for a secret that is not there. */
  static async start(world: Sandbox, prefix = 'github_pat_'): Promise<GitHubApp> {
    const app = new GitHubApp(world, prefix);
    const handle = (request: EmulatorRequest) => app.#handle(request);
    app.#served = await serve({ handle }, { tls: world.authority.serverCertificate() });
    return app;
  }

  get url(): string {
    return this.#served?.url ?? '';
  }

  /** Tokens that nobody has revoked. */
  get live(): number {
    return this.#live.size;
  }

  #handle({ path, headers, body }: EmulatorRequest): EmulatorResponse {
    const bearer = headers.authorization?.split(' ')[1] ?? '';
    if (path === '/revocations') {
      this.#world.github.removeToken(bearer);
      return this.#live.delete(bearer) ? answer(200, {}) : answer(401, { message: 'Bad credentials' });
    }
    if (!this.#signed(bearer)) return answer(401, { message: 'A JSON web token could not be decoded' });
    const { owner, repositories, permissions } = JSON.parse(body) as Asked;
    const tooMuch = Object.entries(permissions).filter(([name, level]) => {
      const granted = PERMISSIONS[name as keyof typeof PERMISSIONS];
      return granted !== level && granted !== 'write';
    });
    if (tooMuch.length > 0) return answer(422, { message: `not granted to the app: ${tooMuch}` });
    if (repositories.some((name) => this.gone.has(name)))
      return answer(422, { message: 'There is at least one repository that is not accessible' });
    const token = `${this.#prefix}${randomBytes(18).toString('hex')}`;
    this.tokens.push(token);
    this.#live.add(token);
    this.#world.github.addToken(token, {
      kind: 'app',
      permissions: Object.keys(permissions).length > 0 ? permissions : PERMISSIONS,
      repositories: repositories.length > 0 ? repositories.map((name) => `${owner}/${name}`) : 'all',
    });
    return answer(201, { token });
  }

  #signed(assertion: string): boolean {
    const [header = '', payload = '', signature = ''] = assertion.split('.');
    const key = createPublicKey(this.#publicKey);
    const signed = Buffer.from(`${header}.${payload}`);
    if (!verify('RSA-SHA256', signed, key, Buffer.from(signature, 'base64url'))) return false;
    return JSON.parse(Buffer.from(payload, 'base64url').toString()).iss === this.clientId;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#served?.[Symbol.asyncDispose]();
  }
}

function answer(status: number, body: object): EmulatorResponse {
  return { status, headers: { 'content-type': 'application/json' }, body: JSON.stringify(body) };
}
