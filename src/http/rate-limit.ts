/** Recognises a refusal by a rate limit. */

import type { HttpResponse } from './wire.ts';

/**
 * Whether a rate limit refused the request. GitHub also uses 403 for that, which retry-after, remaining 0 or the text shows
 * (rate-limits-for-the-rest-api).
 */
export function isRateLimited({ body, headers, status }: HttpResponse): boolean {
  if (status === 429) return true;
  const isShown = headers['retry-after'] !== undefined || headers['x-ratelimit-remaining'] === '0';
  return status === 403 && (isShown || SECONDARY_LIMIT.test(body));
}

const SECONDARY_LIMIT = /secondary rate limit|abuse detection/i;
