/** GitHub's REST API: Octokit writes the requests, the wire of the action sends them, with its retry policy and its clock. */

import { RotationError } from '../errors.ts';
import type { OnUncertain } from '../http/retry.ts';
import type { ServerClock } from '../http/server-clock.ts';
import { pathOf, type Service } from '../http/service.ts';
import { type HttpRequest, NetworkError } from '../http/wire.ts';
import { type Json, quote, stringOf } from '../model/json.ts';

type Octokit = ReturnType<typeof import('@actions/github').getOctokit>;

/** The version that GitHub Enterprise Server knows too. */
const API_VERSION = '2022-11-28';

export interface Answer {
  status: number;
  data: Json | undefined;
  /** Of a refusal: the permissions that GitHub asks for. */
  accepted?: string | undefined;
}

/** What one token may do. */
export class GitHubApi {
  readonly #service: Service;
  readonly #octokit: Promise<Octokit>;

  constructor(service: Service, token: string, apiUrl: string) {
    this.#service = service;
    this.#octokit = connect(token, apiUrl);
  }

  /** GitHub's clock, relative to the local one. */
  get clock(): ServerClock {
    return this.#service.clock;
  }

  /** Milliseconds since the epoch by GitHub's clock. */
  now(): number {
    return this.#service.now();
  }

  /**
   * Any status is an answer.
   * @param onUncertain called when an attempt to write got no answer and may have landed
   * @throws RotationError GITHUB_REQUEST_FAILED without one; its NetworkError cause says what is known
   */
  async request(
    method: Method,
    path: string,
    body: object = {},
    onUncertain: OnUncertain = () => {},
  ): Promise<Answer> {
    const octokit = await this.#octokit;
    const headers = { 'x-github-api-version': API_VERSION };
    try {
      const { status, data } = await octokit.request(`${method} ${path}`, {
        ...body,
        headers,
        request: { fetch: fetchBy(this.#service, onUncertain) },
      });
      return { status, data };
    } catch (error) {
      if (error instanceof RotationError) throw error;
      return answerOf(error) ?? lost(method, path, error);
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
    const headers = new Map(Object.entries(response.headers));
    return { url, status: response.status, headers, text: async () => response.body };
  };
}

function answerOf(error: unknown): Answer | undefined {
  const response = error instanceof Error && 'response' in error ? (error.response as RawAnswer) : undefined;
  if (response === undefined) return undefined;
  return {
    status: response.status,
    data: response.data,
    accepted: response.headers['x-accepted-github-permissions'],
  };
}

interface RawAnswer {
  status: number;
  data: Json;
  headers: Record<string, string | undefined>;
}

/** Octokit wraps what its fetch throws. */
function lost(method: Method, path: string, error: unknown): never {
  const cause = [error, error instanceof Error ? error.cause : undefined].find(
    (one) => one instanceof NetworkError || one instanceof RotationError,
  );
  if (cause instanceof RotationError) throw cause;
  throw new RotationError('GITHUB_REQUEST_FAILED', {
    failed: `GitHub gave no answer to ${method} ${pathOf(`https://host${path}`)} (${cause?.code ?? 'no connection'}).`,
    remedy: 'Check the network of the runner and the status page of GitHub, then run again.',
    cause,
  });
}

/** What workflow-token may not do, or GitHub does not answer as it should. */
export function refused(what: string, answer: Answer, permission: string): RotationError {
  const message = quote(stringOf(answer.data, 'message'));
  const failed = `GitHub did not ${what} (${answer.status}${message && `: ${message}`}).`;
  if (answer.status === 401) {
    const remedy = 'Leave workflow-token at its default, or give a token that is valid and not expired.';
    return new RotationError('GITHUB_UNAUTHORIZED', { failed, remedy });
  }
  if (answer.status === 403 || answer.status === 404 || answer.status === 410) {
    const remedy = `Check the names, and give the job the permission '${permission}'; for another repository, give a workflow-token that has it there.`;
    return new RotationError('GITHUB_FORBIDDEN', { failed, remedy });
  }
  const remedy = 'Run again; if it stays, look at the debug log and at the status page of GitHub.';
  return new RotationError('GITHUB_REQUEST_FAILED', { failed, remedy });
}
