/** Reads and writes issues of a repository. */

import { PAGE, pagesOf } from '../http/pages.ts';
import { isObject, type Json, stringOf } from '../model/json.ts';
import type { GitHubApi } from './api.ts';
import { callRefused } from './refusals.ts';

export interface Issue {
  number: number;
  state: string;
  body: string;
}

export interface IssueFields {
  title?: string;
  body?: string;
  state?: 'open' | 'closed';
  state_reason?: 'completed' | 'duplicate' | 'reopened';
}

export class Issues {
  readonly #api: GitHubApi;
  readonly #path: string;

  /** @param repository owner/name */
  constructor(api: GitHubApi, repository: string) {
    this.#api = api;
    this.#path = `/repos/${repository}/issues`;
  }

  /** Open and closed issues with this label. @throws RotationError GITHUB_… */
  async labelled(label: string): Promise<Issue[]> {
    const read = async (page: number) => {
      const query = `state=all&labels=${label}&per_page=${PAGE}&page=${page + 1}`;
      const list = await this.#request('GET', `?${query}`, 'list issues');
      if (!Array.isArray(list)) throw callRefused('list issues', { status: 200, data: list }, '');
      return list.map(issueOf);
    };
    return Array.fromAsync(pagesOf('GitHub', read));
  }

  /** @returns its number @throws RotationError GITHUB_… */
  async open(title: string, body: string, label: string): Promise<number> {
    const made = await this.#request('POST', '', 'open an issue', { title, body, labels: [label] });
    const { number } = issueOf(made);
    const labels = isObject(made) && Array.isArray(made.labels) ? made.labels : [];
    if (labels.length > 0) return number;
    // "Only users with push access can set labels. Labels are silently dropped otherwise" (OpenAPI, issues/create). Without its
    // label the issue would never be found again, and each run would open another one.
    await this.edit(number, { state: 'closed' });
    throw callRefused(
      `label the issue #${number}, which was closed again`,
      { status: 403, data: null },
      ISSUES,
    );
  }

  /** @throws RotationError GITHUB_… */
  async edit(number: number, fields: IssueFields): Promise<void> {
    await this.#request('PATCH', `/${number}`, `change the issue #${number}`, fields);
  }

  /** @throws RotationError GITHUB_… */
  async comment(number: number, body: string): Promise<void> {
    await this.#request('POST', `/${number}/comments`, `comment on the issue #${number}`, { body });
  }

  async #request(
    method: 'GET' | 'POST' | 'PATCH',
    rest: string,
    what: string,
    body?: object,
  ): Promise<Json | undefined> {
    const answer = await this.#api.request(method, `${this.#path}${rest}`, body);
    if (answer.status === 200 || answer.status === 201) return answer.data;
    throw callRefused(what, answer, ISSUES);
  }
}

const ISSUES = 'issues: write';

function issueOf(value: Json | undefined): Issue {
  const number = isObject(value) ? Number(value.number) : 0;
  return { number, state: stringOf(value, 'state') ?? '', body: stringOf(value, 'body') ?? '' };
}
