// AssemblyScript defines ASC_TARGET by itself; JavaScript gets it here, before any function of the core runs.
(globalThis as { ASC_TARGET?: number }).ASC_TARGET ??= 0;
