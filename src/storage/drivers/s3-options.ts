/** Where objects are kept. */
export interface S3Options {
  readonly bucket: string;
  /** Of all keys; without slashes at its ends, may be empty. */
  readonly prefix: string;
  /** URL of a server other than Amazon's. */
  readonly endpoint?: string | undefined;
  /** Found where Amazon's tools look when not given; `us-east-1` for another server. */
  readonly region?: string | undefined;
  /** The bucket's name in the path instead of in the host name: what servers other than Amazon's want, and the default there. */
  readonly pathStyle?: boolean | undefined;
  /** Found where Amazon's tools look when not given: environment, profile, workload or instance identity. */
  readonly credentials?: { readonly accessKeyId: string; readonly secretAccessKey: string } | undefined;
  /** Directory on this machine for parts that wait to be sent; absolute, made when it is not there. */
  readonly spool: string;
}
