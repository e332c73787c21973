/** A consumer's repository on the sandbox's GitHub: its variables, its secrets, its files, and act in GitHub's place. */
import {
  cpSync,
  existsSync,
  globSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { expect } from 'vitest';
import { parse } from 'yaml';
import {
  MANAGEMENT_SCOPES,
  REPOSITORY,
  type Sandbox,
  type SandboxOptions,
  startSandbox,
} from '../emulators/sandbox.ts';
import type { ClientSeed } from '../emulators/tenant.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { needles } from '../scenarios/support.ts';
import { type EngineRun, ROOT, runEngine } from './act.ts';
import { GitHubApp } from './app.ts';

export const OUR_REPOSITORY = 'your-organization/auth0-mtls-rotation-action';
/** What every example proves its certificates for. */
export const AUDIENCE = 'https://api.example.com/';
const OURS = `${OUR_REPOSITORY}@v1`;
const STAND_INS = join(import.meta.dirname, 'actions');
/** Of what a release holds, all that runs. The checkout itself has node_modules, which act would copy for each step. */
const RELEASE = ['action.yml', 'package.json', 'dist', '.github/workflows'];

export interface Start {
  event?: 'schedule' | 'workflow_dispatch' | 'push';
  inputs?: Record<string, string>;
  /** One line of the workflow, and what stands there instead. */
  broken?: readonly [from: string, to: string];
  /** Keep what the actions say. */
  said?: boolean;
}

export interface RepositoryOptions extends SandboxOptions {
  name?: string;
  /** Of the app's tokens. */
  prefix?: string;
  /** As the README has it the keys are in the environments: a workflow that names none gets none. */
  keysAt?: 'repository';
}

export class Repository implements AsyncDisposable {
  readonly world: Sandbox;
  readonly app: GitHubApp;
  readonly name: string;
  readonly variables: Record<string, string> = {};
  /** Those that no run writes. */
  readonly secrets: Record<string, string> = {};
  /** Variables of a job with `id-token: write`. */
  identity: Record<string, string> = {};
  /** Where secrets may be. */
  readonly scopes: string[];
  readonly #home = mkdtempSync(join(tmpdir(), 'auth0-engine-'));
  readonly #files = join(this.#home, 'repository');
  readonly #release = join(this.#home, 'release');
  readonly #stack = new AsyncDisposableStack();
  /** Tokens of others that no log may show. */
  readonly #foreign: string[][] = [];
  readonly #keysAt: RepositoryOptions['keysAt'] | undefined;
  #curl = '';
  #runs = 0;

  private constructor(
    world: Sandbox,
    app: GitHubApp,
    name: string,
    keysAt: RepositoryOptions['keysAt'] | undefined,
  ) {
    this.world = world;
    this.#keysAt = keysAt;
    this.app = app;
    this.name = name;
    this.scopes = [`org:${name.split('/')[0]}`, this.scope];
    mkdirSync(this.#files);
    for (const path of RELEASE) cpSync(join(ROOT, path), join(this.#release, path), { recursive: true });
    // The sandbox knows a credential at once.
    this.replace('action.yml', 'default: 30s', 'default: 0s');
  }

  /** As docs/recipes.md and the README have it set up: an app, a management client with a key, variables and secrets. */
  static async start(options: RepositoryOptions = {}): Promise<Repository> {
    const { name = REPOSITORY, prefix, keysAt, ...sandbox } = options;
    const world = await startSandbox(sandbox);
    world.github.addOrganization(name.split('/')[0] ?? '');
    world.github.addRepository(name);
    const repository = new Repository(world, await GitHubApp.start(world, prefix), name, keysAt);
    const { variables, secrets, app } = repository;
    const manager = selfSignedCertificate('manager');
    const managerId = addManager(world, manager.cert, sandbox.managementScopes);
    Object.assign(variables, {
      AUTH0_DOMAIN: world.domain,
      AUTH0_MTLS_DOMAIN: world.domain,
      AUTH0_CLIENT_ID: world.tenant.createClient(service('shop')).client_id,
      AUTH0_AUDIENCE: AUDIENCE,
      AUTH0_ROTATOR_CLIENT_ID: managerId,
      ROTATOR_APP_CLIENT_ID: app.clientId,
    });
    Object.assign(secrets, {
      ROTATOR_APP_PRIVATE_KEY: app.privateKey,
      AUTH0_ROTATOR_PRIVATE_KEY: manager.key,
    });
    return repository;
  }

  get scope(): string {
    return `repo:${this.name}`;
  }

  /** One more that the app may write to. */
  addScope(scope: string): void {
    const [kind, owner = '', name = '', environment = ''] = scope.split(/[:/]/);
    const environments = kind === 'env' ? [environment] : [];
    if (kind === 'org') this.world.github.addOrganization(owner);
    else this.world.github.addRepository(`${owner}/${name}`, { environments });
    this.scopes.push(scope);
  }

  get clientId(): string {
    return `${this.variables.AUTH0_CLIENT_ID}`;
  }

  /** Ends with the repository. */
  defer(end: () => PromiseLike<void>): void {
    this.#stack.defer(end);
  }

  /** A list that may grow. */
  addTokens(tokens: string[]): void {
    this.#foreign.push(tokens);
  }

  /** A line of the runner's .curlrc. */
  curl(line: string): void {
    this.#curl += `${line}\n`;
  }

  /** A file of the repository. */
  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.#files, path)), { recursive: true });
    writeFileSync(join(this.#files, path), text);
  }

  /** Breaks a file of the repository or of our release. */
  replace(path: string, from: string, to: string): void {
    const [found] = [this.#files, this.#release].map((folder) => join(folder, path)).filter(existsSync);
    writeFileSync(`${found}`, replaced(`${found}`, from, to));
  }

  /** Makes this the repository of the action itself. */
  writeRelease(): void {
    cpSync(this.#release, this.#files, { recursive: true });
  }

  held(name = 'AUTH0_MTLS_PEM', scope = this.scope): string {
    return this.world.github.secret(scope, name)?.value ?? '';
  }

  /** Runs a workflow of this checkout. Whatever it does: nothing that act prints or leaves shows a key or a token. */
  async run(workflow: string, start: Start = {}): Promise<EngineRun> {
    const { event = 'schedule', inputs = {}, broken, said = false } = start;
    this.#runs += 1;
    const file = join(ROOT, workflow);
    const home = join(this.#home, `run-${this.#runs}`);
    mkdirSync(home);
    written(home, '.curlrc', this.#curl);
    this.world.transcript.clear();
    const path = broken ? written(home, 'broken.yml', replaced(file, ...broken)) : file;
    const keys = jobKeys(path);
    const secrets = this.#secretsOf(keys);
    const run = await runEngine({
      event,
      inputs,
      said,
      home,
      directory: this.#files,
      workflow: path,
      // JSON is YAML. A file: act hands the environment that it is given to every step.
      secretFile: written(home, 'secrets.yml', JSON.stringify(secrets)),
      varFile: written(home, 'variables.yml', JSON.stringify(this.variables)),
      env: { ...this.#environment(), ...this.#grant(keys) },
      repositories: this.#repositories(),
    });
    await this.world.idle();
    rmSync(join(home, 'secrets.yml'));
    const leaks = this.#leaks(run, home, Object.values(secrets));
    if (leaks.length > 0) throw new Error(`act shows or leaves behind: ${leaks.join(' ')}`);
    // GitHub keeps an output that holds something masked from other jobs, act does not.
    expect(run.log).not.toMatch(/::set-output:: (?!token=).*\*\*\*/);
    expect(this.app.live, 'tokens of the app that outlive their job').toBe(0);
    return run;
  }

  /** Organization, repository, environment: the nearest wins. act ignores a job's environment (nektos/act-docs, not_supported.md). */
  #secretsOf({ environments }: JobKeys): Record<string, string> {
    const near = environments.map((name) => `env:${this.name}/${name}`);
    const scopes = [`org:${this.name.split('/')[0]}`, this.scope, ...near];
    const stored = scopes
      .filter((scope) => this.scopes.includes(scope))
      .flatMap((scope) => this.world.github.secretNames(scope).map((name) => [name, this.held(name, scope)]));
    const keys = this.#keysAt === 'repository' || environments.length > 0 ? this.secrets : {};
    return { GITHUB_TOKEN: this.world.workflowToken, ...keys, ...Object.fromEntries(stored) };
  }

  /** What the job's own token may do, and whether it has an identity. act ignores permissions (nektos/act-docs, not_supported.md). */
  #grant({ permissions }: JobKeys): Record<string, string> {
    const { github, workflowToken } = this.world;
    const { 'id-token': identity, ...rest } = permissions;
    github.addToken(workflowToken, { kind: 'github-token', permissions: rest, repositories: [this.name] });
    return identity === 'write' ? this.identity : {};
  }

  #environment(): Record<string, string> {
    const { world } = this;
    return {
      GITHUB_API_URL: world.githubUrl,
      GITHUB_REPOSITORY: this.name,
      GITHUB_REPOSITORY_OWNER: this.name.split('/')[0] ?? '',
      GITHUB_RUN_ID: world.nextRunId(),
      GITHUB_REF: 'refs/heads/main',
      SHA_REF: '0'.repeat(40),
      NODE_EXTRA_CA_CERTS: world.caFile,
      CURL_CA_BUNDLE: world.caFile,
      APP_URL: this.app.url,
      CHECKOUTS: JSON.stringify({ [OUR_REPOSITORY]: this.#release }),
      CALLED_REPOSITORY: OUR_REPOSITORY,
    };
  }

  /** Our release by its tag, and a stand-in for each action that a workflow names. */
  #repositories(): Record<string, string> {
    const texts = globSync('{examples,.github/workflows}/*.yml', { cwd: ROOT }).map((path) =>
      readFileSync(join(ROOT, path), 'utf8'),
    );
    const used = texts.flatMap((text) =>
      [...text.matchAll(/uses: (actions\/[\w-]+@[0-9a-f]{40})/g)].map(([, uses]) => `${uses}`),
    );
    const standIn = (uses: string) => join(STAND_INS, uses.replace(/^actions\/|@.*$/g, ''));
    return { [OURS]: this.#release, ...Object.fromEntries(used.map((uses) => [uses, standIn(uses)])) };
  }

  #leaks(run: EngineRun, home: string, given: readonly string[]): string[] {
    const exchanges = this.world.transcript.exchanges('client');
    const received = exchanges.map(
      ({ responseBody }) => /"access_token":"([^"]+)"/.exec(responseBody)?.[1] ?? '',
    );
    const secret = [
      ...[...given, ...this.#stored()].map(secretIn),
      ...run.masks,
      ...received,
      ...this.app.tokens,
      ...this.#foreign.flat(),
    ];
    const left = readdirSync(home, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => readFileSync(join(entry.parentPath, entry.name), 'utf8'));
    const shown = [run.log, ...run.summaries, ...left].join('\n');
    return needles(secret).filter((needle) => shown.includes(needle));
  }

  #stored(): string[] {
    return this.scopes.flatMap((scope) =>
      this.world.github.secretNames(scope).map((name) => this.held(name, scope)),
    );
  }

  async [Symbol.asyncDispose](): Promise<void> {
    rmSync(this.#home, { recursive: true, force: true });
    await this.#stack[Symbol.asyncDispose]();
    await this.app[Symbol.asyncDispose]();
    await this.world[Symbol.asyncDispose]();
  }
}

interface JobKeys {
  environments: string[];
  permissions: Record<string, 'read' | 'write'>;
}

interface Workflow {
  permissions?: JobKeys['permissions'];
  jobs: Record<
    string,
    { permissions?: JobKeys['permissions']; environment?: string; with?: { environment?: string } }
  >;
}

/** Of all jobs together: no workflow here has two that differ. */
function jobKeys(file: string): JobKeys {
  const { permissions, jobs } = parse(readFileSync(file, 'utf8')) as Workflow;
  const all = Object.values(jobs);
  return {
    // A workflow that is called names the environment that it is given.
    environments: all.flatMap((job) => job.environment ?? job.with?.environment ?? []),
    permissions: Object.assign({}, permissions, ...all.map((job) => job.permissions)),
  };
}

function written(folder: string, name: string, text: string): string {
  const path = join(folder, name);
  writeFileSync(path, text, { mode: 0o600 });
  return path;
}

/** The text of a file with something else in one or more places. */
function replaced(file: string, from: string, to: string): string {
  const text = readFileSync(file, 'utf8');
  expect(text, file).toContain(from);
  return text.replaceAll(from, () => to);
}

/** A certificate is public. */
function secretIn(text: string): string {
  return /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]+?-----END [A-Z ]*PRIVATE KEY-----/.exec(text)?.[0] ?? text;
}

/** The client of the rotator, which logs in by a key. */
function addManager(world: Sandbox, certificate: string, scopes = MANAGEMENT_SCOPES): string {
  const { client_id } = world.tenant.createClient({
    name: 'rotator',
    client_authentication_methods: { private_key_jwt: { credentials: [] } },
    grants: { [world.managementAudience]: [...scopes] },
  });
  world.tenant.seedCredential(client_id, {
    credential_type: 'public_key',
    pem: certificate,
    associate: true,
  });
  return client_id;
}

const BY_CERTIFICATE: ClientSeed = {
  client_authentication_methods: { self_signed_tls_client_auth: { credentials: [] } },
};

/** A client that may use the API of the examples. */
export function service(name: string, method: ClientSeed = BY_CERTIFICATE): ClientSeed {
  return { name, app_type: 'non_interactive', grants: { [AUDIENCE]: ['read:orders'] }, ...method };
}
