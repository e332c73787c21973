/** Plans whether access tokens are bound to the certificate. Pure. */

import type { PlanBuilder } from './plan-builder.ts';

/**
 * Plans a change of the binding before the new certificate is proven or a revert changes the method. If the plan does neither, the change
 * comes last.
 */
export function bindTokens(builder: PlanBuilder): void {
  const { rotates, observed, steps, desired } = builder;
  const bound = observed.client?.binding.required ?? false;
  // Without a certificate there is nothing to bind to, and a client secret would get no token.
  const requested = desired.operation === 'revert' ? 'off' : desired.tokenBinding;
  const required = requested === 'unchanged' ? bound : requested === 'required';
  if (required && (rotates || !bound)) builder.note('notice', BOUND);
  if (required === bound) return;
  const first = [
    'authenticate',
    'store-secret',
    ...(desired.operation === 'revert' ? ['change-method'] : []),
  ];
  const at = steps.findIndex(({ kind }) => first.includes(kind));
  steps.splice(at < 0 ? steps.length : at, 0, { kind: 'bind-tokens', required });
}

const BOUND =
  'Access tokens are bound to the certificate that requested them. A bound token cannot be used with another certificate, so its holder must request a new token after each rotation.';
