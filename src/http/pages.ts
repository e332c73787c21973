/** Lists that a service gives out in pages. */

import { RotationError } from '../errors.ts';

/** Items of a full page: what Auth0 (OpenAPI, GET /clients) and GitHub (using-pagination-in-the-rest-api) give at most. */
export const PAGE = 100;
/** Far more than any tenant or repository has. */
const MOST = 1_000;

/**
 * Item after item, until a page is not full.
 * @param read reads one page, counted from 0
 * @throws RotationError AUTH0_REQUEST_FAILED, GITHUB_REQUEST_FAILED: a list that does not end
 */
export async function* pagesOf<T>(
  service: 'Auth0' | 'GitHub',
  read: (page: number) => Promise<readonly T[]>,
): AsyncGenerator<T> {
  for (let page = 0; page < MOST; page += 1) {
    const items = await read(page);
    yield* items;
    if (items.length < PAGE) return;
  }
  throw new RotationError(service === 'Auth0' ? 'AUTH0_REQUEST_FAILED' : 'GITHUB_REQUEST_FAILED', {
    failed: `${service} gave out ${MOST} full pages of one list, and did not end it.`,
    remedy: `Run again; if it stays, look at the debug log and at the status page of ${service}.`,
  });
}
