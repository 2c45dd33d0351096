import type { TrustCondition } from "./trust.ts";

/** A beginning of a trust rule: what to fill in, and what is known already. */
export interface TrustPreset {
  /** `github-actions`, … */
  readonly id: string;
  readonly title: string;
  /** The issuer of all its tokens; undefined where each installation has its own. */
  readonly issuer: string | undefined;
  /** How the issuer looks, or where it is found. */
  readonly issuerHint: string;
  /** Conditions to begin with; words in capitals are to be replaced. */
  readonly conditions: readonly TrustCondition[];
  /** Claims worth a condition, with what they hold. */
  readonly claims: Readonly<Record<string, string>>;
}

/** What is known about the issuers that people use. */
export const trustPresets: readonly TrustPreset[] = [
  {
    id: "github-actions",
    title: "GitHub Actions",
    issuer: "https://token.actions.githubusercontent.com",
    issuerHint: "the same for all of github.com; an enterprise may have its own, …/ENTERPRISE",
    conditions: [
      { claim: ["repository_owner"], equals: "OWNER" },
      { claim: ["repository"], equals: "OWNER/REPOSITORY" },
    ],
    claims: {
      repository_owner: "user or organisation; repository_owner_id does not change when it is renamed",
      repository: "OWNER/REPOSITORY",
      ref: "refs/heads/main, refs/tags/v1",
      environment: "the environment of the job",
      event_name: "push, pull_request, …",
      sub: "repo:OWNER/REPOSITORY:ref:refs/heads/BRANCH",
    },
  },
  {
    id: "gitlab-ci",
    title: "GitLab CI",
    issuer: "https://gitlab.com",
    issuerHint: "the URL of your own GitLab where you run one",
    conditions: [{ claim: ["project_path"], equals: "GROUP/PROJECT" }],
    claims: {
      namespace_path: "group or user",
      project_path: "GROUP/PROJECT",
      ref: "branch or tag",
      ref_type: "branch or tag",
      ref_protected: '"true" or "false", as text',
      environment: "the environment of the job",
      sub: "project_path:GROUP/PROJECT:ref_type:branch:ref:BRANCH",
    },
  },
  {
    id: "kubernetes",
    title: "Kubernetes service accounts",
    issuer: undefined,
    issuerHint: "what `kubectl get --raw /.well-known/openid-configuration` calls issuer",
    conditions: [{ claim: ["sub"], equals: "system:serviceaccount:NAMESPACE:SERVICEACCOUNT" }],
    claims: {
      sub: "system:serviceaccount:NAMESPACE:SERVICEACCOUNT",
      "kubernetes.io › namespace": "namespace of the pod",
      "kubernetes.io › serviceaccount › name": "name of the service account",
    },
  },
  {
    id: "buildkite",
    title: "Buildkite",
    issuer: "https://agent.buildkite.com",
    issuerHint: "the same for everybody",
    conditions: [
      { claim: ["organization_slug"], equals: "ORGANISATION" },
      { claim: ["pipeline_slug"], equals: "PIPELINE" },
    ],
    claims: {
      organization_slug: "your organisation",
      pipeline_slug: "the pipeline",
      build_branch: "the branch",
      step_key: "the step",
    },
  },
  {
    id: "circleci",
    title: "CircleCI",
    issuer: undefined,
    issuerHint:
      "https://oidc.circleci.com/org/ORGANISATION-ID; the audience is the same id unless the job asks for another",
    conditions: [{ claim: ["oidc.circleci.com/project-id"], equals: "PROJECT-ID" }],
    claims: {
      "oidc.circleci.com/project-id": "the project",
      "oidc.circleci.com/context-ids": "contexts of the job, a list",
      sub: "org/ORGANISATION-ID/project/PROJECT-ID/user/USER-ID",
    },
  },
  {
    id: "any",
    title: "Any OpenID Connect issuer",
    issuer: undefined,
    issuerHint: "an https URL that serves /.well-known/openid-configuration",
    conditions: [{ claim: ["sub"], equals: "SUBJECT" }],
    claims: { sub: "whom the token is about" },
  },
];
