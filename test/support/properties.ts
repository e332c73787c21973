/** How often a property is tried: fewer times where each of many mutants is judged by it (`npm run mutation`). */
export function runs(usual: number): number {
  return Math.ceil(usual / Number(process.env.PROPERTY_SHARE ?? 1));
}
