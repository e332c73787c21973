/** Plans whether access tokens are bound to the certificate. Pure. */

import type { PlanBuilder } from './plan-builder.ts';

/**
 * Plans a change of the binding before the new certificate is proven or a revert changes the method. If the plan does neither, the change
 * comes last.
 */
export function bindTokens(builder: PlanBuilder): void {
  const { rotates, observed, desired } = builder;
  const bound = observed.client?.binding.required ?? false;
  const requested = losesCertificate(builder) ? 'off' : desired.tokenBinding;
  const required = requested === 'unchanged' ? bound : requested === 'required';
  if (required && !bound && !rotates) {
    bindAlone(builder);
    return;
  }
  if (required && rotates) builder.note('notice', BOUND);
  if (required && !bound && desired.verify === 'off') builder.note('warning', UNPROVEN);
  if (required !== bound) insert(builder, required);
}

/** Whether the run moves the client to a method without a certificate. Then there is nothing to bind to, and its logins would get no token. */
function losesCertificate({ desired, observed }: PlanBuilder): boolean {
  const { method, operation } = desired;
  return operation === 'revert' || (method === 'private_key_jwt' && observed.client?.method !== method);
}

/** Plans a binding without a rotation. There is no new pair to prove it, so the pair in use does. Unproven, it could leave the consumers without tokens. */
function bindAlone(builder: PlanBuilder): void {
  const { desired, steps } = builder;
  const mustProve = desired.verify !== 'off';
  if (mustProve && !canProve(builder)) {
    builder.note('warning', `${WAITS}${desired.currentKey ? '' : PASS_CURRENT}`);
    return;
  }
  builder.note('notice', BOUND);
  if (!mustProve) builder.note('warning', UNPROVEN);
  steps.push({
    kind: 'bind-tokens',
    required: true,
    ...(mustProve ? { proof: 'current-credential' as const } : {}),
  });
}

function insert(builder: PlanBuilder, required: boolean): void {
  const { steps } = builder;
  // Before the change, since a run that died after it would leave a client without tokens.
  const isFirst = losesCertificate(builder);
  const at = steps.findIndex((step) =>
    isFirst
      ? step.kind === 'change-method'
      : step.kind === 'authenticate' || (step.kind === 'store-secret' && step.source === 'issued'),
  );
  steps.splice(at < 0 ? steps.length : at, 0, { kind: 'bind-tokens', required });
}

/** Whether the pair in use is at hand, and its client can request a token. Only a token shows that it is bound. */
function canProve({ associated, desired: { currentKey }, observed, pool }: PlanBuilder): boolean {
  const { grantTypes } = observed.client ?? {};
  const registered =
    currentKey !== undefined &&
    pool.some((c) => c.identity === currentKey.identity && associated.includes(c.id));
  const isOver = (currentKey?.notAfter?.getTime() ?? Number.POSITIVE_INFINITY) <= observed.now;
  return registered && !isOver && (grantTypes === undefined || grantTypes.includes('client_credentials'));
}

const BOUND =
  'Access tokens are bound to the certificate that requested them. A bound token cannot be used with another certificate, so its holder must request a new token after each rotation.';
const WAITS =
  'Access tokens are not bound yet, since this run could not prove that the certificate in use gets a bound token. The next rotation binds them.';
const PASS_CURRENT = ' Pass current-credential to have that done at once.';
const UNPROVEN =
  'With verify: off it is NOT PROVEN that the certificate in use gets a bound token. If it gets none, nobody can log in: set token-binding: off then.';
