/** An issuer that signs for whoever signs up: its tokens say nothing until one looks whose they are. */
export interface PublicIssuer {
  readonly name: string;
  /** Host of the issuer, in lower case. */
  readonly host: string;
  /** Issuers of this host that belong to one owner alone. */
  readonly pinned?: RegExp;
  /**
   * Claims that name the owner. `head`: what stands before the first wildcard of a pattern that still names one owner; where
   * it is not given, no pattern does.
   */
  readonly pins: readonly { readonly claim: string; readonly head?: RegExp }[];
}

const owner = /^[^/*:]+\//;

/**
 * Public issuers that are known here. `job_workflow_ref` of GitHub is no pin: whoever calls a shared workflow carries it.
 */
export const publicIssuers: readonly PublicIssuer[] = [
  {
    name: "GitHub Actions",
    host: "token.actions.githubusercontent.com",
    pinned: /^https:\/\/token\.actions\.githubusercontent\.com\/[\w.-]+$/,
    pins: [
      { claim: "repository_owner" },
      { claim: "repository_owner_id" },
      { claim: "repository", head: owner },
      { claim: "repository_id" },
      { claim: "enterprise" },
      { claim: "enterprise_id" },
      { claim: "sub", head: /^repo:[^/*:]+\// },
    ],
  },
  {
    name: "GitLab.com",
    host: "gitlab.com",
    pins: [
      { claim: "namespace_path", head: owner },
      { claim: "namespace_id" },
      { claim: "project_path", head: owner },
      { claim: "project_id" },
      { claim: "sub", head: /^project_path:[^/*:]+\// },
    ],
  },
  {
    name: "Buildkite",
    host: "agent.buildkite.com",
    pins: [
      { claim: "organization_slug" },
      { claim: "organization_id" },
      { claim: "pipeline_id" },
      { claim: "sub", head: /^organization:[^:*]+:/ },
    ],
  },
  {
    name: "CircleCI",
    host: "oidc.circleci.com",
    pinned: /^https:\/\/oidc\.circleci\.com\/org\/[0-9a-f-]{36}$/,
    pins: [{ claim: "oidc.circleci.com/project-id" }, { claim: "sub", head: /^org\/[^/*]+\// }],
  },
  {
    name: "Google",
    host: "accounts.google.com",
    pins: [{ claim: "sub" }, { claim: "email" }, { claim: "hd" }],
  },
  {
    name: "HCP Terraform",
    host: "app.terraform.io",
    pins: [
      { claim: "terraform_organization_name" },
      { claim: "terraform_organization_id" },
      { claim: "terraform_workspace_id" },
      { claim: "sub", head: /^organization:[^:*]+:/ },
    ],
  },
];

/** The public issuer of this host, whatever its path and port. */
export function findPublicIssuer(issuer: string): PublicIssuer | undefined {
  const { hostname } = new URL(issuer);
  return publicIssuers.find(({ host }) => host === hostname.replace(/\.$/, ""));
}
