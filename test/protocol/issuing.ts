/** How the runs of the explorer make keys and certificates: from the world's stock, since making them takes longer than a run. */

import type { DesiredState } from '../../src/model/desired-state.ts';
import { certify, type Material } from './materials.ts';
import type { World } from './world.ts';

/** @param issued receives what the run issues, in order */
export function issuingFrom(world: World, issued: Material[] = []) {
  return {
    generateKey: async () => {
      const material = world.issueNext();
      // A second key is that of the negative control: no CA signs for it.
      if (issued.length > 0) world.strangers.add(material);
      issued.push(material);
      return material.key;
    },
    issuePair: async (
      _: unknown,
      desired: Pick<DesiredState, 'method' | 'subject'>,
      __: number,
      key: () => Promise<unknown>,
    ) => {
      const made = await key();
      const material = issued.find((one) => one.key === made);
      if (!material) throw new Error("a certificate for a key that is not this run's");
      const pair = await certify(material, desired.subject);
      return desired.method === 'private_key_jwt' ? { ...pair, certificate: undefined } : pair;
    },
  };
}
