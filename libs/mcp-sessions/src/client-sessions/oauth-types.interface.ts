/** The client's metadata, as it is registered with an authorization server (RFC 7591, section 2). */
export interface OAuthClientMetadata {
  redirect_uris: string[];
  client_name?: string;
  client_uri?: string;
  logo_uri?: string;
  scope?: string;
  grant_types?: string[];
  response_types?: string[];
  token_endpoint_auth_method?: string;
  contacts?: string[];
  tos_uri?: string;
  policy_uri?: string;
  software_id?: string;
  software_version?: string;
  software_statement?: string;
}

/** A client's registration, and the authorization server that it is valid at. */
export interface OAuthClientInformation {
  client_id: string;
  client_secret?: string;
  token_endpoint_auth_method?: string;
  issuer?: string;
}

/** Tokens as an authorization server gives them (RFC 6749, section 5.1), and which one gave them. */
export interface OAuthTokens {
  access_token: string;
  token_type: string;
  /** Seconds until the access token expires. */
  expires_in?: number;
  refresh_token?: string;
  scope?: string;
  id_token?: string;
  issuer?: string;
}

/**
 * What is needed of an authorization server's metadata (RFC 8414, section 2). No interface: the SDKs' own types have
 * an index signature, which interfaces do not fit.
 */
export type OAuthServerMetadata = {
  issuer: string;
  authorization_endpoint: string;
  token_endpoint: string;
  response_types_supported: string[];
  token_endpoint_auth_methods_supported?: string[];
  authorization_response_iss_parameter_supported?: boolean;
};

/** What the SDK has found out about the server's authorization server. */
export interface OAuthDiscoveryState {
  authorizationServerUrl: string;
  authorizationServerMetadata?: OAuthServerMetadata;
  resourceMetadata?: { resource: string };
  resourceMetadataUrl?: string;
}

/** What the v2 SDK tells a provider about the authorization server it is dealing with. */
export interface OAuthIssuerContext {
  issuer: string;
}
