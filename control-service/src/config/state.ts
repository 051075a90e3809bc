import type { Config, LimitSettings, Model, Project, Provider, User } from "@oneapi/contract";

/** A secret in a configuration: what to show of it, and what tells whether two are the same. */
export class Secret {
  /** The reference as given, or `${stored:ID}` for one that was written out. */
  readonly shown: string;
  /** Never shown, logged or stored. */
  readonly identity: string;

  constructor(shown: string, identity: string) {
    this.shown = shown;
    this.identity = identity;
  }

  sameAs(other: Secret): boolean {
    return this.identity === other.identity && this.shown === other.shown;
  }

  toJSON(): string {
    return this.shown;
  }
}

/** A key of oneapi.yaml, out of its project's or user's list. */
export interface ConfigKey {
  readonly name: string;
  readonly project: string;
  readonly user: string | null;
  readonly secret: Secret;
  readonly models: string[] | null;
  readonly allowed_ips: string[];
  readonly limits: LimitSettings[];
  readonly expires: string | null;
}

export type ResolvedProvider = Omit<Provider, "credentials"> & { readonly credentials: readonly Secret[] };

/**
 * A whole configuration with its secrets resolved, as it is stored or as it shall become. Both sides of a difference
 * have this shape; maps are by name and keep the order of oneapi.yaml.
 */
export interface ConfigState {
  readonly providers: ReadonlyMap<string, ResolvedProvider>;
  readonly models: ReadonlyMap<string, Model>;
  readonly projects: ReadonlyMap<string, Omit<Project, "keys">>;
  readonly users: ReadonlyMap<string, Omit<User, "keys">>;
  /** By {@link keyLabel}. */
  readonly keys: ReadonlyMap<string, ConfigKey>;
}

/** What makes a key of oneapi.yaml the same one in the next version of the file: its owner and its name. */
export function keyLabel(key: {
  readonly name: string;
  readonly project: string;
  readonly user: string | null;
}): string {
  return key.user === null ? `projects[${key.project}].keys[${key.name}]` : `users[${key.user}].keys[${key.name}]`;
}

/** The place a provider's credentials are sealed for. */
export function credentialPlace(provider: string): string {
  return `provider:${provider}`;
}

/** The keys of a configuration, each with the path of its secret in the document that was sent. */
export function listKeys(config: Config) {
  const ofProjects = config.projects.flatMap((project, index) =>
    project.keys.map((key, place) => ({
      key: { ...key, project: project.name },
      user: null,
      path: `projects[${index}].keys[${place}].secret`,
    })),
  );
  const ofUsers = config.users.flatMap((user, index) =>
    user.keys.map((key, place) => ({
      // The check has made sure that a key without a project belongs to a user with exactly one.
      key: { ...key, project: key.project ?? (user.projects[0] as string) },
      user: user.name,
      path: `users[${index}].keys[${place}].secret`,
    })),
  );
  return [...ofProjects, ...ofUsers];
}
