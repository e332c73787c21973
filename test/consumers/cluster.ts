/**
 * What kubectl asks of a cluster in examples/hand-over-kubernetes.yml: one Secret, one Deployment, the rights of one Role.
 * Server-side apply refuses a field of another manager (409) unless it is forced, and creating needs `create` besides `patch`
 * (https://kubernetes.io/docs/reference/using-api/server-side-apply/).
 */
import { isDeepStrictEqual } from 'node:util';
import { parse } from 'yaml';
import type { EmulatorRequest, EmulatorResponse } from '../emulators/emulator.ts';

interface Rule {
  apiGroups: string[];
  resources: string[];
  resourceNames?: string[];
  verbs: string[];
}

interface Target {
  group: string;
  resource: string;
  /** undefined: a list or a watch. */
  name: string | undefined;
}

const VERBS = ['get', 'list', 'watch', 'create', 'update', 'patch'];
const GROUPS = { '': ['secrets', 'Secret'], apps: ['deployments', 'Deployment'] } as const;

export class Cluster {
  /** What the service account was allowed, in order: `patch secrets`. */
  readonly granted: string[] = [];
  /** Of the Secret; undefined: it does not exist. */
  secret: Record<string, string> | undefined = {};
  /** Who owns its key. */
  manager = 'auth0-rotation';
  /** Whether new pods get ready. */
  healthy = true;
  restarts = 0;
  /** What the server fails at: `patch deployments`. */
  fails: string | undefined;
  /** Of the pod template: another one makes new pods. */
  #annotations: Record<string, string> = {};
  readonly #token: string;
  readonly #rules: readonly Rule[];

  constructor(token: string, role: string) {
    this.#token = token;
    this.#rules = (parse(role) as { rules: Rule[] }).rules;
  }

  handle({ method, path, headers, body }: EmulatorRequest): EmulatorResponse {
    if (headers.authorization !== `Bearer ${this.#token}`) return status(401, 'Unauthorized');
    const url = new URL(path, 'https://cluster');
    const known = DISCOVERY[url.pathname];
    if (known) return json(known);
    const target = targetOf(url);
    if (!target) return status(404, 'NotFound', `no ${path}`);
    const verb = verbOf(method, target, url.searchParams);
    if (!this.#allows(verb, target)) return status(403, 'Forbidden', `cannot ${verb} ${target.resource}`);
    if (this.fails === `${verb} ${target.resource}`) return status(500, 'InternalError');
    if (target.resource === 'deployments') return this.#deployment(verb, body);
    return verb === 'patch' ? this.#apply(target, url.searchParams, body) : status(404, 'NotFound');
  }

  #allows(verb: string, { group, resource, name }: Target): boolean {
    const isAllowed = this.#rules.some(
      (rule) =>
        rule.apiGroups.includes(group) &&
        rule.resources.includes(resource) &&
        (rule.resourceNames?.includes(`${name}`) ?? true) &&
        rule.verbs.includes(verb),
    );
    if (isAllowed) this.granted.push(`${verb} ${resource}`);
    return isAllowed;
  }

  #apply(target: Target, query: URLSearchParams, body: string): EmulatorResponse {
    const isOwner = this.manager === query.get('fieldManager');
    if (this.secret && Object.keys(this.secret).length > 0 && !isOwner && query.get('force') !== 'true')
      return status(409, 'Conflict', `Apply failed with 1 conflict: conflict with "${this.manager}"`);
    if (!this.secret && !this.#allows('create', target))
      return status(403, 'Forbidden', 'cannot create secrets');
    const applied = parse(body);
    this.secret = applied.data;
    this.manager = `${query.get('fieldManager')}`;
    return json(applied);
  }

  #deployment(verb: string, body: string): EmulatorResponse {
    if (verb === 'patch') {
      const annotations = { ...this.#annotations, ...parse(body).spec.template.metadata.annotations };
      if (!isDeepStrictEqual(annotations, this.#annotations)) this.restarts += 1;
      this.#annotations = annotations;
    }
    const ready = this.healthy ? 1 : 0;
    const condition = { type: 'Progressing', status: 'False', reason: 'ProgressDeadlineExceeded' };
    const labels = { app: 'shop' };
    const deployment = {
      apiVersion: 'apps/v1',
      kind: 'Deployment',
      metadata: { name: 'shop', namespace: 'shop', generation: 1, resourceVersion: '1', uid: '1' },
      spec: {
        replicas: 1,
        selector: { matchLabels: labels },
        template: {
          metadata: { labels, annotations: this.#annotations },
          spec: { containers: [{ name: 'shop', image: 'shop' }] },
        },
      },
      status: {
        observedGeneration: 1,
        replicas: 1,
        updatedReplicas: ready,
        readyReplicas: ready,
        availableReplicas: ready,
        conditions: this.healthy ? [] : [condition],
      },
    };
    if (verb === 'watch') return { status: 200, headers: JSON_TYPE, body: '' };
    if (verb !== 'list') return json(deployment);
    const metadata = { resourceVersion: '1' };
    return json({ kind: 'DeploymentList', apiVersion: 'apps/v1', metadata, items: [deployment] });
  }
}

const JSON_TYPE = { 'content-type': 'application/json' };
const json = (body: object): EmulatorResponse => ({
  status: 200,
  headers: JSON_TYPE,
  body: JSON.stringify(body),
});

function status(code: number, reason: string, message = reason): EmulatorResponse {
  const body = { kind: 'Status', apiVersion: 'v1', status: 'Failure', code, reason, message };
  return { ...json(body), status: code };
}

function targetOf({ pathname, searchParams }: URL): Target | undefined {
  const found = /^\/(?:api|apis\/(apps))\/v1\/namespaces\/shop\/(secrets|deployments)(?:\/(.+))?$/.exec(
    pathname,
  );
  if (!found) return undefined;
  const [, group = '', resource = '', name = searchParams.get('fieldSelector')?.split('metadata.name=')[1]] =
    found;
  return { group, resource, name };
}

function verbOf(method: string, { name }: Target, query: URLSearchParams): string {
  if (method !== 'GET') return { PATCH: 'patch', POST: 'create' }[method] ?? method;
  if (query.has('watch')) return 'watch';
  return name === undefined || query.has('fieldSelector') ? 'list' : 'get';
}

const resources = (group: keyof typeof GROUPS) => {
  const [name, kind] = GROUPS[group];
  const groupVersion = group === '' ? 'v1' : `${group}/v1`;
  const one = { name, singularName: kind.toLowerCase(), namespaced: true, kind, verbs: VERBS };
  return { kind: 'APIResourceList', groupVersion, resources: [one] };
};
const VERSION = { groupVersion: 'apps/v1', version: 'v1' };
const APPS = { name: 'apps', versions: [VERSION], preferredVersion: VERSION };
const SECRET_PATH = '/api/v1/namespaces/{namespace}/secrets/{name}';

/** What every account may read. kubectl leaves the validation to a server that knows `fieldValidation`. */
const DISCOVERY: Readonly<Record<string, object>> = {
  '/version': { major: '1', minor: '32', gitVersion: 'v1.32.0' },
  '/api': { kind: 'APIVersions', versions: ['v1'] },
  '/apis': { kind: 'APIGroupList', apiVersion: 'v1', groups: [APPS] },
  '/api/v1': resources(''),
  '/apis/apps/v1': resources('apps'),
  '/openapi/v3': { paths: { 'api/v1': { serverRelativeURL: '/openapi/v3/api/v1?hash=1' } } },
  '/openapi/v3/api/v1': {
    openapi: '3.0.0',
    info: { title: 'Kubernetes', version: 'v1.32.0' },
    paths: {
      [SECRET_PATH]: {
        patch: {
          parameters: [{ name: 'fieldValidation', in: 'query', schema: { type: 'string' } }],
          responses: { 200: { description: 'OK' } },
          'x-kubernetes-action': 'patch',
          'x-kubernetes-group-version-kind': { group: '', version: 'v1', kind: 'Secret' },
        },
      },
    },
  },
};
