/** Lists in pages: whole, or an error; never without end. */

import { expect, it } from 'vitest';
import { PAGE, pagesOf } from '../../../src/http/pages.ts';

const numbers = (from: number, count: number) => Array.from({ length: count }, (_, index) => from + index);

it.each([0, 1, PAGE - 1, PAGE, PAGE + 1, 3 * PAGE])('a list of %i is read whole', async (length) => {
  const asked: number[] = [];
  const read = async (page: number) => {
    asked.push(page);
    return numbers(0, length).slice(page * PAGE, (page + 1) * PAGE);
  };
  expect(await Array.fromAsync(pagesOf('Auth0', read))).toEqual(numbers(0, length));
  expect(asked).toEqual(numbers(0, Math.floor(length / PAGE) + 1));
});

it('a list whose reader knows its end is read up to there, whatever the size of its pages', async () => {
  const pages = [numbers(0, 30), numbers(30, 30), numbers(60, 5), numbers(65, 1)];
  const read = async (page: number) => pages[page] ?? [];
  const isLast = (items: readonly number[]) => items.includes(64);
  expect(await Array.fromAsync(pagesOf('GitHub', read, isLast))).toEqual(numbers(0, 65));
});

it('a page that cannot be read is the error of the list', async () => {
  const read = async (page: number) => {
    if (page === 1) throw new Error('no');
    return numbers(0, PAGE);
  };
  await expect(Array.fromAsync(pagesOf('GitHub', read))).rejects.toThrow('no');
});

it.each([
  ['Auth0', 'AUTH0_REQUEST_FAILED'],
  ['GitHub', 'GITHUB_REQUEST_FAILED'],
] as const)(
  'a server that never ends its list is an error, after a bounded number of requests: %s',
  async (service, code) => {
    let requests = 0;
    const read = async () => {
      requests += 1;
      return numbers(0, PAGE);
    };
    const reading = Array.fromAsync(pagesOf(service, read));
    await expect(reading).rejects.toMatchObject({
      code,
      failed: `${service} returned 1000 pages of one list, and the list did not end.`,
    });
    expect(requests).toBe(1_000);
  },
);
