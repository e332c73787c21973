/** What a message tells people to do. */

/** Ids that a message names for deletion: by a verb before them, or in the ready line of an input. */
export function namedForDeletion(text: string, ids: readonly string[]): string[] {
  const named = [
    ...text.matchAll(/\b(?:delete|disassociate|remove|take out)\b((?:(?!\. ).)*)/gi),
    ...text.matchAll(/removable-credentials: *((?:[\w-]+[ ,]*)*)/g),
  ].map(([, rest]) => rest ?? '');
  return ids.filter((id) => named.some((rest) => new RegExp(`\\b${id}\\b`).test(rest)));
}
