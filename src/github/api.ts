/** Calls GitHub's REST API. Octokit builds the requests, and the action's own wire sends them with its retry policy and clock. */

import { RotationError } from '../errors.ts';
import { describeInterceptor, isRedirect } from '../http/intercepted.ts';
import { noAnswer } from '../http/no-answer.ts';
import { isNotFull, PAGE, pagesOf } from '../http/pages.ts';
import { poll } from '../http/poll.ts';
import type { OnUncertain } from '../http/retry.ts';
import type { ServerClock } from '../http/server-clock.ts';
import { pathOf, type Service } from '../http/service.ts';
import { type HttpRequest, type HttpResponse, NetworkError } from '../http/wire.ts';
import { isObject, type Json, stringOf } from '../model/json.ts';
import { oneLine } from '../model/markdown.ts';
import type { Destination } from '../model/secret-location.ts';
import { type Answer, answerOf } from './answer.ts';
import { incomplete, notFound, refused, unexpected } from './refusals.ts';

type Octokit = ReturnType<typeof import('@actions/github').getOctokit>;

/** GitHub Enterprise Server supports this version too. */
const API_VERSION = '2022-11-28';

/** Some of GitHub's servers know a new token only after up to 5 s (octokit/auth-app.js, hook.ts). In milliseconds, with a second to spare. */
const NEW_TOKEN_TIME = 6_000;

/** The API with one token. */
export class GitHubApi {
  readonly #service: Service;
  readonly #octokit: Promise<Octokit>;
  readonly #apiUrl: string;
  /** Only a token of an app can be seconds old. Then GitHub may hide a secret that exists. */
  readonly tokenMayBeNew: boolean;
  readonly #newUntil: number;

  /** @param existedAt local time in milliseconds at which the token already existed */
  constructor(service: Service, token: string, apiUrl: string, existedAt = service.waiting.clock.now()) {
    this.#newUntil = existedAt + NEW_TOKEN_TIME;
    this.#service = service;
    this.#apiUrl = apiUrl;
    this.tokenMayBeNew = token.startsWith('ghs_');
    this.#octokit = connect(token, apiUrl);
  }

  /** GitHub's clock, relative to the local one. */
  get clock(): ServerClock {
    return this.#service.serverClock;
  }

  /** Milliseconds since the epoch by GitHub's clock. */
  now(): number {
    return this.#service.now();
  }

  /** Repeats a refused request while the token may be new. @throws RotationError as `request` */
  async whileTokenIsNew(ask: () => Promise<Answer>, isRefused: (answer: Answer) => boolean): Promise<Answer> {
    const { waiting } = this.#service;
    const within = this.#newUntil - waiting.clock.now();
    const attempt = async () => {
      const value = await ask();
      return { done: !isRefused(value), value };
    };
    return poll(waiting, attempt, (last) => last, { firstDelay: 500, longestDelay: 1_000, within });
  }

  /**
   * Sends a request. Any status is an answer.
   * @param onUncertain called when an attempt to write got no answer and may have landed
   * @throws RotationError GITHUB_REQUEST_FAILED without an answer. Its NetworkError cause says whether the request may have landed.
   */
  async request(
    method: Method,
    path: string,
    body: object = {},
    onUncertain: OnUncertain = () => {},
  ): Promise<Answer> {
    const ask = () => this.#request(method, path, body, onUncertain);
    // A read may well find nothing, but what is written is expected to be there.
    const isRefused = ({ status }: Answer) => status === 401 || (status === 404 && method === 'PUT');
    const answer = await this.whileTokenIsNew(ask, isRefused);
    return isRedirect(answer) ? { ...answer, renamedTo: await this.#newName(answer) } : answer;
  }

  /**
   * Reads all pages of a list that GitHub wraps in an object. A server may make smaller pages than it is asked for, so `total_count` says
   * where the list ends. Half a list must not pass for a whole one: a write that names the selected
   * repositories again would take the secret away from those that the list lacks.
   * @param destination what the list is about, for errors
   * @param what names the request in an error
   * @throws RotationError GITHUB_…, DESTINATION_NOT_FOUND
   */
  async listAll(
    path: string,
    member: string,
    destination: Destination,
    what = 'show the secrets',
  ): Promise<Json[]> {
    const query = path.includes('?') ? '&' : '?';
    let count = 0;
    let total: number | undefined;
    const read = async (page: number) => {
      const paged = `${path}${query}per_page=${PAGE}&page=${page + 1}`;
      const answer = await this.request('GET', paged);
      const { data, status } = answer;
      if (status === 404) throw notFound(destination);
      if (status !== 200) throw refused(destination, answer, what);
      const list = isObject(data) ? data[member] : undefined;
      if (!Array.isArray(list)) throw unexpected(destination, status);
      total = isObject(data) && typeof data.total_count === 'number' ? data.total_count : undefined;
      count += list.length;
      if (total !== undefined && list.length === 0 && count < total)
        throw incomplete(destination, what, { count, total });
      return list;
    };
    const isLast = (items: readonly Json[]) => (total === undefined ? isNotFull(items) : count >= total);
    return Array.fromAsync(pagesOf('GitHub', read, isLast));
  }

  /** GitHub redirects a renamed repository to an address with its id. A read there shows the new name. */
  async #newName({ location = '' }: Answer): Promise<string> {
    const [path] = /\/repositories\/\d+/.exec(location) ?? [];
    if (path === undefined) return '';
    // The redirect is a clear answer, with or without the name.
    const answer = await this.#request('GET', path).catch(() => undefined);
    return oneLine(stringOf(answer?.data, 'full_name'));
  }

  async #request(
    method: Method,
    path: string,
    body: object = {},
    onUncertain: OnUncertain = () => {},
  ): Promise<Answer> {
    const octokit = await this.#octokit;
    const headers = { 'x-github-api-version': API_VERSION };
    try {
      const answer = await octokit.request(`${method} ${path}`, {
        ...body,
        headers,
        request: { fetch: fetchBy(this.#service, onUncertain) },
      });
      return { status: answer.status, data: answer.data, location: answer.headers.location };
    } catch (error) {
      if (error instanceof RotationError) throw error;
      return answerOf(error, this.now()) ?? throwUnanswered(method, `${this.#apiUrl}${path}`, error);
    }
  }
}

type Method = HttpRequest['method'];

async function connect(token: string, apiUrl: string): Promise<Octokit> {
  const { getOctokit } = await import('@actions/github');
  return getOctokit(token, { baseUrl: apiUrl, log: SILENT });
}

const SILENT = { debug() {}, info() {}, warn() {}, error() {} };

function fetchBy(service: Service, onUncertain: OnUncertain) {
  return async (url: string, init: { method: Method; headers: Record<string, string>; body?: string }) => {
    const request = {
      method: init.method,
      url,
      headers: init.headers,
      ...(init.body === undefined ? {} : { body: init.body }),
    };
    const response = await service.call(
      request,
      init.method === 'POST' ? 'create' : 'idempotent',
      init.method === 'GET' ? undefined : onUncertain,
    );
    throwIfIntercepted(init.method, url, response);
    const headers = new Map(Object.entries(response.headers));
    const text = async () => response.body;
    // Octokit calls this if there is no content type. The result is not JSON.
    const arrayBuffer = async () => new TextEncoder().encode(response.body).buffer;
    return { url, status: response.status, headers, text, arrayBuffer };
  };
}

/** If something else answered instead of GitHub, it is unknown whether the request reached GitHub. @throws RotationError GITHUB_REQUEST_FAILED */
function throwIfIntercepted(method: Method, url: string, response: HttpResponse): void {
  const target = response.headers.location ?? '';
  const isRename = isRedirect(response) && URL.canParse(target) && new URL(target).host === new URL(url).host;
  const what = isRename ? undefined : describeInterceptor(response);
  if (what === undefined) return;
  const isOutage = response.status >= 500;
  throw new RotationError('GITHUB_REQUEST_FAILED', {
    failed: `The answer to ${method} ${pathOf(url)} (${response.status}) is not from GitHub's API: it is ${what}.`,
    remedy: isOutage
      ? 'Start a new run. If that does not help, look at the status page of GitHub.'
      : 'Look for a firewall, a proxy or a sign-in page between the runner and GitHub, and let it pass these requests.',
    cause: new NetworkError('FOREIGN_ANSWER', 'unknown'),
  });
}

/** Throws a failure of the network as a RotationError, and any other error as it is. Octokit wraps the errors of its fetch. */
function throwUnanswered(method: Method, url: string, error: unknown): never {
  const cause = error instanceof Error && error.cause instanceof Error ? error.cause : error;
  if (!(cause instanceof NetworkError)) throw cause;
  const remedy = 'Check the network of the runner and the status page of GitHub, then start a new run.';
  throw new RotationError('GITHUB_REQUEST_FAILED', { ...noAnswer({ method, url }, cause, remedy), cause });
}
