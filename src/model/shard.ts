/** A shard is a part of a fleet. Each client is in exactly one shard. Pure. */

import { numberOf } from './spread.ts';

export interface Shard {
  /** From 1. */
  index: number;
  of: number;
}

/** GitHub runs at most this many jobs of one matrix (usage-limits). */
const MOST = 256;
/** Due clients in one job. Even on the smallest tenant they take only minutes, and the token of a GitHub App lives for an hour. */
const CLIENTS = 50;

/** The client id that the text is. undefined: it is meant as a part of the fleet, such as 2/5, or is empty. */
export function asClientId(text: string): string | undefined {
  return text === '' || /^\d+\/\d+$/.test(text) ? undefined : text;
}

/** @throws Error whose message completes "Input 'name' …" */
export function parseShard(text: string): Shard {
  const [, index, of] = /^(\d{1,3})\/(\d{1,3})$/.exec(text)?.map(Number) ?? [];
  if (index && of && index <= of && of <= MOST) return { index, of };
  throw new Error(`is '${text}'; write a part such as 2/5, with at most ${MOST} parts`);
}

export function isIn({ index, of }: Shard, clientId: string): boolean {
  return numberOf(`shard ${clientId}`) % of === index - 1;
}

/** The shards that are not empty, as values of `strategy.matrix`. */
export function shardsOf(clientIds: readonly string[]): string[] {
  const of = Math.min(MOST, Math.ceil(clientIds.length / CLIENTS));
  return Array.from({ length: of }, (_, at) => ({ index: at + 1, of }))
    .filter((shard) => clientIds.some((id) => isIn(shard, id)))
    .map(({ index }) => `${index}/${of}`);
}
