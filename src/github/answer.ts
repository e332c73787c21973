/** An answer of GitHub, and whether a rate limit gave it. */

import { isRateLimited } from '../http/rate-limit.ts';
import { advisedDelay } from '../http/retry.ts';
import type { Json } from '../model/json.ts';

export interface Answer {
  status: number;
  data: Json | undefined;
  /** For a refusal, the permissions that GitHub requires. */
  requiredPermissions?: string | undefined;
  /** A rate limit refused the request. `until` is GitHub's time in milliseconds, if the answer names one. */
  rateLimit?: { until: number | undefined } | undefined;
  /** For a redirect. */
  location?: string | undefined;
  /** The new name of a renamed repository. Empty if GitHub does not show it. */
  renamedTo?: string;
}

/** The answer that Octokit throws as an error. undefined: there was none. @param now by GitHub's clock */
export function answerOf(error: unknown, now: number): Answer | undefined {
  const response = error instanceof Error && 'response' in error ? (error.response as RawAnswer) : undefined;
  if (response === undefined) return undefined;
  return {
    status: response.status,
    data: response.data,
    requiredPermissions: response.headers['x-accepted-github-permissions'],
    rateLimit: rateLimitOf(response, now),
  };
}

function rateLimitOf({ data, headers, status }: RawAnswer, now: number): Answer['rateLimit'] {
  const response = { status, headers, body: JSON.stringify(data) };
  if (!isRateLimited(response)) return undefined;
  // The reset is that of the primary limit, which says nothing about a secondary one.
  const isNamed =
    headers['retry-after'] !== undefined ||
    (headers['x-ratelimit-remaining'] === '0' && headers['x-ratelimit-reset'] !== undefined);
  const until = now + (advisedDelay(response, now) ?? 0);
  // A date that does not exist would break the message.
  return { until: isNamed && !Number.isNaN(new Date(until).getTime()) ? until : undefined };
}

interface RawAnswer {
  status: number;
  data: Json;
  headers: Record<string, string>;
}
