/** What `operation: watch` looks at besides the client, and where it reports. */

import type { Repository } from './secret-location.ts';

export interface WorkflowFile {
  owner: string;
  repo: string;
  file: string;
}

export interface WatchRequest {
  /** The token of the workflow itself. */
  token: string;
  /** The repository of this run. */
  home: Repository;
  /** The workflow that rotates; undefined: nobody looks at it. */
  workflow: WorkflowFile | undefined;
  reportIssue: boolean;
  /** Page of this run. */
  runUrl: string;
}
