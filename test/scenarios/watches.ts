/** What the stories of a watch share: a client with nothing to find, a watch of it, what that has found, and its issue. */

import { beforeAll, beforeEach, expect } from 'vitest';
import type { ActionOptions, ActionRun } from '../emulators/runner.ts';
import { REPOSITORY } from '../emulators/sandbox.ts';
import { selfSignedCertificate } from '../emulators/tls.ts';
import { effects, type Inputs, sharedWorld } from './operations.ts';
import { DAY, MINUTE, rotate, SCOPE, SECRET } from './support.ts';

export const world = sharedWorld();

/** A client that has just been rotated, with nothing to find. */
export let clientId = '';
export let before = '';

beforeAll(() => {
  const { github } = world();
  github.addWorkflow(REPOSITORY, 'rotate.yml');
  github.addRun(REPOSITORY, 'rotate.yml', { conclusion: 'success' });
  github.addWorkflow(REPOSITORY, 'asleep.yml', 'disabled_inactivity');
  github.addWorkflow(REPOSITORY, 'broken.yml');
  github.addRun(REPOSITORY, 'broken.yml', { conclusion: 'failure' });
});

/** As a rotation leaves it, half an hour ago. */
beforeEach(() => {
  const { github } = world();
  const at = (now: number, minutes: number) => new Date(now - minutes * MINUTE).toISOString();
  const { clientId: id, pem } = world().addServiceClient({
    name: 'orders',
    certificate: selfSignedCertificate('orders', 3_000),
    credentialName: `auth0-mtls-rotation ${SCOPE}#${SECRET} run 1.1`,
    createdAt: at(world().tenantNow(), 30),
  });
  const times = { createdAt: at(world().githubNow(), 29), updatedAt: at(world().githubNow(), 29) };
  github.seedSecret(SCOPE, SECRET, pem, times);
  clientId = id;
  before = everything();
});

/** The real thing. */
export async function rotated(): Promise<void> {
  await remove(`actions/secrets/${SECRET}`);
  clientId = world().addServiceClient({ name: 'orders' }).clientId;
  const first = await rotate(world(), { 'client-id': clientId });
  expect(first.outputs.rotated, first.log).toBe('true');
  world().advance(8 * DAY);
  before = everything();
}

/** The credential that the client had before its first rotation. */
export function byHand(): string {
  const [first] = world().tenant.reveal(clientId).credentials;
  if (!first) throw new Error('has one');
  return first.id;
}

/** All of Auth0 and of the secrets. */
export function everything(): string {
  const scopes = [SCOPE, `env:${REPOSITORY}/production`, 'org:acme'];
  const secrets = scopes.map((scope) => world().github.secret(scope, SECRET) ?? null);
  return JSON.stringify([world().tenant.reveal(clientId), secrets]);
}

export async function watch(inputs: Inputs = {}, options: ActionOptions = {}): Promise<ActionRun> {
  const all = { operation: 'watch', 'client-id': clientId, workflow: 'rotate.yml', ...inputs };
  const run = await rotate(world(), all, options);
  const writes = effects(world());
  expect(writes.filter((line) => !/ (POST|PATCH) \/repos\/acme\/shop\/issues/.test(line))).toEqual([]);
  if (inputs['report-issue'] !== 'true') expect(writes).toEqual([]);
  return run;
}

interface Found {
  severity: string;
  key: string;
  what: string;
  todo: string;
}

export function findings(run: ActionRun): Found[] {
  const [entry] = JSON.parse(run.outputs.result ?? '[]') as { findings: Found[] }[];
  return entry?.findings ?? [];
}

export const keys = (run: ActionRun) => findings(run).map(({ key, severity }) => `${severity} ${key}`);

export const lastCode = (run: ActionRun) =>
  run.annotations.findLast(({ level }) => level === 'error')?.properties.title;

/** A credential that no workflow has made. */
export const seed = (name: string, associate: boolean) =>
  world().tenant.seedCredential(clientId, {
    credential_type: 'x509_cert',
    pem: selfSignedCertificate('stranger').cert,
    name,
    associate,
  });

export function token(permissions: Record<string, 'read' | 'write'>, more: object = {}): string {
  const text = `ghs_token${tokens++}ofawatchthatreads`;
  world().github.addToken(text, { kind: 'app', permissions, ...more });
  return text;
}

export let tokens = 0;

/** What is bad, worse and good for the issue to be reported. */
export const BAD = { 'report-issue': 'true', workflow: 'broken.yml' };
export const WORSE = { 'report-issue': 'true', workflow: 'asleep.yml' };
export const GOOD = { 'report-issue': 'true' };

export const READS = {
  secrets: 'read',
  environments: 'read',
  organization_secrets: 'read',
  actions: 'read',
} as const;

export interface Issue {
  number: number;
  state: string;
  title: string;
  body: string;
  labels: unknown[];
  comments: number;
}

export const as = () => ({ authorization: `Bearer ${world().githubToken}` });
export const api = (path: string) => `${world().githubUrl}/repos/${REPOSITORY}/${path}`;

export async function issues(): Promise<Issue[]> {
  return (await world().call(api('issues?state=all&per_page=100'), { headers: as() })).body as Issue[];
}

/** The one of the client that is watched, and no other. */
export async function issueOf(client = clientId): Promise<Issue | undefined> {
  const all = (await issues()).filter(({ title }) => title.includes(client));
  expect(all.length).toBeLessThanOrEqual(1);
  return all[0];
}

export async function openIssue(): Promise<Issue> {
  const issue = await issueOf();
  if (issue?.state !== 'open') throw new Error(`no open issue: ${JSON.stringify(issue)}`);
  return issue;
}

export async function edit(number: number, fields: object): Promise<void> {
  expect(
    (await world().call(api(`issues/${number}`), { method: 'PATCH', body: fields, headers: as() })).status,
  ).toBe(200);
}

export async function remove(path: string): Promise<void> {
  expect((await world().call(api(path), { method: 'DELETE', headers: as() })).status).toBe(204);
}
