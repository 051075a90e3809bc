export interface OpenOperationsTable {
  operation_id: string;
  node: string;
  epoch: string;
  created_at: Date;
  key_id: string;
  project: string;
  user_name: string | null;
  endpoint: string;
  stream: boolean;
  requested_model: string;
  served_model: string;
  provider: string;
  prompt_tokens: number;
}

export interface OperationSourcesTable {
  node: string;
  epoch: string;
  heard_at: Date;
}

/** The tables of sql/0003_open_operations.sql. */
export interface OperationTables {
  open_operations: OpenOperationsTable;
  operation_sources: OperationSourcesTable;
}
