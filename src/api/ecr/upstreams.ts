/** A registry from which Amazon pulls through. */
interface Upstream {
  /** As its API names it. */
  readonly registry: string;
  readonly url: RegExp;
  /** Whether a rule must name a secret with a login there. */
  readonly credentials: "needed" | "optional";
}

const upstreams: readonly Upstream[] = [
  { registry: "ecr-public", url: /^public\.ecr\.aws$/, credentials: "optional" },
  { registry: "docker-hub", url: /^registry-1\.docker\.io$/, credentials: "needed" },
  { registry: "github-container-registry", url: /^ghcr\.io$/, credentials: "needed" },
  { registry: "gitlab-container-registry", url: /^registry\.gitlab\.com$/, credentials: "needed" },
  { registry: "k8s", url: /^registry\.k8s\.io$/, credentials: "optional" },
  { registry: "quay", url: /^quay\.io$/, credentials: "optional" },
  { registry: "azure-container-registry", url: /^[a-zA-Z0-9]{5,50}\.azurecr\.(?:io|us|cn)$/, credentials: "needed" },
  { registry: "chainguard", url: /^cgr\.dev$/, credentials: "needed" },
  { registry: "ecr", url: /^\d{12}\.dkr\.ecr\.[a-z0-9-]{1,40}\.amazonaws\.com(?:\.cn)?$/, credentials: "optional" },
];

/** The upstream of this host; undefined for one from which Amazon does not pull through. */
export function findUpstream(url: string): Upstream | undefined {
  return upstreams.find((one) => one.url.test(url));
}
