import { status } from '@grpc/grpc-js';

import { AgentError } from '../errors.js';
import { describeCallFailure, isTransientFailure } from './call-failure.js';
import type { CallFailure } from './call-failure.js';

/**
 * Puts a failed call of the Workload API into words, and says whether it may be repeated at once: only
 * MESH_ERR_WORKLOAD_API_UNAVAILABLE may.
 *
 * Sources: SPIFFE_Workload_API.md section 6; spiffe/spire:pkg/agent/endpoints/workload/handler.go.
 */
export function workloadApiRefusal(failure: CallFailure, address: string): AgentError {
  const said = describeCallFailure(failure);
  if (failure.status === status.PERMISSION_DENIED) {
    return new AgentError(
      'MESH_ERR_WORKLOAD_API_DENIED',
      `the Workload API at ${address} knows no identity for this process (${said})`,
      "register an entry in SPIRE whose selectors fit the agent's process; a new one takes some seconds to arrive",
    );
  }
  if (isTransientFailure(failure)) {
    return new AgentError(
      'MESH_ERR_WORKLOAD_API_UNAVAILABLE',
      `the Workload API at ${address} does not answer (${said})`,
      'check that the socket is mounted there and that the SPIRE agent of this node runs',
    );
  }
  return new AgentError(
    'MESH_ERR_WORKLOAD_API_REFUSED',
    `the Workload API at ${address} refuses the call (${said})`,
    'check that identity.workloadApi.address is the socket of a SPIFFE Workload API',
  );
}
