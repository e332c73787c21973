/** A client of the sandbox whose secret holds its pair, and what the action is given to rotate it at once. */

import { type Inputs, readInputs } from '../../src/inputs/inputs.ts';
import { REPOSITORY, type Sandbox } from '../emulators/sandbox.ts';

export const SCOPE = `repo:${REPOSITORY}`;

interface Forced {
  inputs: Inputs;
  clientId: string;
  secretName: string;
}

/** @param changes inputs of that client */
export function forcedRotation(world: Sandbox, changes: Record<string, string> = {}): Forced {
  const { clientId, pem } = world.addServiceClient({ createdAt: world.tenantNow() - 86_400_000 });
  const secretName = `PEM_${clientId.toUpperCase().replace(/[^A-Z0-9]/g, '')}`;
  world.github.seedSecret(SCOPE, secretName, pem);
  const inputs = readInputs({
    'INPUT_AUTH0-DOMAIN': world.domain,
    'INPUT_CLIENT-ID': clientId,
    'INPUT_MANAGEMENT-CLIENT-ID': world.managementClientId,
    'INPUT_MANAGEMENT-CLIENT-SECRET': world.managementClientSecret,
    'INPUT_GITHUB-TOKEN': world.githubToken,
    'INPUT_SECRET-NAME': secretName,
    'INPUT_CURRENT-CREDENTIAL': pem,
    INPUT_FORCE: 'true',
    INPUT_VERIFY: 'off',
    GITHUB_REPOSITORY: REPOSITORY,
    GITHUB_API_URL: world.githubUrl,
    GITHUB_RUN_ID: world.nextRunId(),
    ...changes,
  });
  return { inputs, clientId, secretName };
}
