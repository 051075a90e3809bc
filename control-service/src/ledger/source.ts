/** Where records come from: one process of one gateway. */
export interface Source {
  readonly node: string;
  readonly epoch: string;
}

/** A text for each source; neither part has a space. */
export function identify({ node, epoch }: Source): string {
  return `${node} ${epoch}`;
}
