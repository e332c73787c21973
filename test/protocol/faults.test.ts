/** Which faults pass is not only said of them: one that a retry overcomes shows nothing of a run that fails. */

import { beforeAll, expect, test } from 'vitest';
import { REAL } from './code.ts';
import { type Fault, faultsOn } from './faults.ts';
import { type Materials, materials } from './materials.ts';
import { scenario } from './scenarios.ts';
import { Execution } from './scheduler.ts';
import { prepareWorlds } from './services.ts';
import { play } from './single.ts';
import { World } from './world.ts';

let all: Materials;
beforeAll(async () => {
  all = await materials();
  await prepareWorlds();
});

const begun = () => new Execution(new World(scenario('ours alone'), all), REAL);

test.each(['GET', 'PATCH'] as const)(
  'a run succeeds with a fault of its first %s that passes, and with no other',
  async (method) => {
    const clean = begun();
    const requests = await play(clean, clean.start('A'));
    const at = requests.find(({ request }) => request.method === method)?.index ?? 0;
    const succeeds = async (fault: Fault) => {
      const execution = begun();
      const actor = execution.start('A');
      await play(execution, actor, [{ at, fault }]);
      execution.close();
      return actor.succeeded;
    };
    const faults = faultsOn({ method }, 'self_signed_tls_client_auth').filter(({ outside }) => !outside);
    const passed: string[] = [];
    for (const fault of faults) if (await succeeds(fault)) passed.push(fault.name);
    expect(passed).toEqual(faults.filter(({ passes }) => passes).map(({ name }) => name));
  },
);
