/** Reads lists that a service returns in pages. */

import { RotationError } from '../errors.ts';

/** Items of a full page: the maximum of Auth0 (OpenAPI, GET /clients) and GitHub (using-pagination-in-the-rest-api). */
export const PAGE = 100;
/** More pages than any tenant or repository has. */
const MOST = 1_000;

/**
 * Yields each item.
 * @param read reads one page, counted from 0
 * @param isLast whether a page that was just read is the last one. By default that is the first page that is not full.
 * @throws RotationError AUTH0_REQUEST_FAILED, GITHUB_REQUEST_FAILED if the list does not end
 */
export async function* pagesOf<T>(
  service: 'Auth0' | 'GitHub',
  read: (page: number) => Promise<readonly T[]>,
  isLast: (items: readonly T[]) => boolean = isNotFull,
): AsyncGenerator<T> {
  for (let page = 0; page < MOST; page += 1) {
    const items = await read(page);
    yield* items;
    if (isLast(items)) return;
  }
  throw new RotationError(service === 'Auth0' ? 'AUTH0_REQUEST_FAILED' : 'GITHUB_REQUEST_FAILED', {
    failed: `${service} returned ${MOST} pages of one list, and the list did not end.`,
    remedy: `Start a new run. If that does not help, look at the debug log and at the status page of ${service}.`,
  });
}

/** Whether a server that has more items would have put them on this page. A server that makes smaller pages than it was asked for has more. */
export function isNotFull(items: readonly unknown[]): boolean {
  return items.length < PAGE;
}
