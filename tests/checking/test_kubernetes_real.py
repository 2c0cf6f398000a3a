"""Manifests and charts in the shapes of public repositories: no false error, no crash, and nothing innocent by guess.

Retyped: the objects, keys and annotations are those of the charts and examples that the rows name, reduced to what
concerns requests.
"""

import pytest

from flushcheck.configs.findings import Level
from flushcheck.files import check_text
from flushcheck.reports.findings import findings_text
from tests.deploy.shipped import text_of

HELPERS = """{{- if .Values.ingress.enabled -}}
{{- $fullName := include "chart.fullname" . -}}
{{- $svcPort := .Values.service.port -}}
{{- if semverCompare ">=1.19-0" .Capabilities.KubeVersion.GitVersion -}}
apiVersion: networking.k8s.io/v1
{{- else -}}
apiVersion: extensions/v1beta1
{{- end }}
kind: Ingress
metadata:
  name: {{ $fullName }}
  labels:
    {{- include "chart.labels" . | nindent 4 }}
  {{- with .Values.ingress.annotations }}
  annotations:
    {{- toYaml . | nindent 4 }}
  {{- end }}
spec:
  {{- if and .Values.ingress.className (semverCompare ">=1.18-0" .Capabilities.KubeVersion.GitVersion) }}
  ingressClassName: {{ .Values.ingress.className }}
  {{- end }}
  {{- if .Values.ingress.tls }}
  tls:
    {{- range .Values.ingress.tls }}
    - hosts:
        {{- range .hosts }}
        - {{ . | quote }}
        {{- end }}
      secretName: {{ .secretName }}
    {{- end }}
  {{- end }}
  rules:
    {{- range .Values.ingress.hosts }}
    - host: {{ .host | quote }}
      http:
        paths:
          {{- range .paths }}
          - path: {{ .path }}
            backend:
              service:
                name: {{ $fullName }}
                port:
                  number: {{ $svcPort }}
          {{- end }}
    {{- end }}
{{- end }}
"""
HEAD = "apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: app\n  namespace: app\n"
RULES = "  rules:\n  - host: app.example.org\n    http:\n      paths:\n      - path: /\n        pathType: Prefix\n        backend:\n          service:\n            name: app\n            port:\n              number: 80\n"


def manifest(annotations: str = "", cls: str = "nginx", tls: str = "") -> str:
    """An Ingress as people write it by hand."""
    lines = "".join(f"    {line}\n" for line in annotations.strip().splitlines())
    return (
        HEAD
        + (f"  annotations:\n{lines}" if lines else "")
        + "spec:\n"
        + (f"  ingressClassName: {cls}\n" if cls else "")
        + tls
        + RULES
    )


TLS = "  tls:\n  - hosts:\n    - app.example.org\n    secretName: app-tls\n"
N = "nginx.ingress.kubernetes.io/"
PASSED, UNKNOWN, NOTHING = "passed", "unknown", "nothing"
SERVICE = "---\napiVersion: v1\nkind: Service\nmetadata: {name: app}\nspec: {selector: {app: a}, ports: [{port: 80}]}\n"
DEPLOYMENT = "---\napiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: app\nspec:\n  template:\n    spec:\n      containers:\n      - name: app\n        image: app:1\n        env:\n        - {name: A, value: 'b'}\n"

ROWS = [
    # name                          text, culprits (warnings and errors), and what is said of its block
    ("helm create",                 HELPERS, set(), UNKNOWN),
    ("helm create, values",         "replicaCount: 1\nimage:\n  repository: nginx\nservice:\n  port: 80\ningress:\n  enabled: false\n  className: ''\n  annotations: {}\n    # kubernetes.io/ingress.class: nginx\n  hosts:\n    - host: chart-example.local\n      paths:\n        - path: /\n  tls: []\n", set(), NOTHING),
    ("argo-cd, passthrough",        manifest(f'cert-manager.io/cluster-issuer: letsencrypt-prod\n{N}ssl-passthrough: "true"\n{N}force-ssl-redirect: "true"\n{N}backend-protocol: "HTTPS"', tls=TLS), set(), UNKNOWN),
    ("argo-cd, grpc",               manifest(f'{N}backend-protocol: "GRPC"'), set(), NOTHING),
    ("grafana",                     manifest("cert-manager.io/cluster-issuer: letsencrypt\nkubernetes.io/tls-acme: 'true'", tls=TLS), set(), PASSED),
    ("jupyterhub, values",          f"proxy:\n  service: {{type: ClusterIP}}\ningress:\n  enabled: true\n  annotations:\n    kubernetes.io/tls-acme: 'true'\n    {N}proxy-body-size: 64m\n    {N}proxy-read-timeout: '3600'\n    {N}proxy-send-timeout: '3600'\n  hosts: [hub.example.org]\n", set(), PASSED),
    ("open-webui",                  manifest(f'{N}proxy-body-size: "0"\n{N}proxy-read-timeout: "1800"\n{N}proxy-buffering: "off"', tls=TLS), set(), PASSED),
    ("harbor, values",              f'expose:\n  type: ingress\n  ingress:\n    hosts: {{core: core.harbor.domain}}\n    className: ""\n    annotations:\n      ingress.kubernetes.io/ssl-redirect: "true"\n      ingress.kubernetes.io/proxy-body-size: "0"\n      {N}ssl-redirect: "true"\n      {N}proxy-body-size: "0"\n', set(), PASSED),
    ("docker registry",             manifest(f'{N}proxy-body-size: "0"\n{N}proxy-request-buffering: "off"'), set(), PASSED),
    ("nextcloud",                   manifest(f"{N}proxy-body-size: 4G\n{N}server-snippet: |-\n  server_tokens off;\n  proxy_hide_header X-Powered-By;\n  rewrite ^/.well-known/webfinger /index.php/.well-known/webfinger last;\n  location = /.well-known/carddav {{\n    return 301 $scheme://$host/remote.php/dav;\n  }}\n  location ~ /(\\.|autotest|occ|issue) {{\n    deny all;\n  }}", tls=TLS), set(), PASSED),
    ("keycloak",                    manifest(f'{N}proxy-buffer-size: "128k"\n{N}proxy-buffers-number: "8"\n{N}backend-protocol: HTTPS', tls=TLS), set(), PASSED),
    ("oauth2-proxy",                manifest(f"{N}auth-url: 'https://$host/oauth2/auth'\n{N}auth-signin: 'https://$host/oauth2/start?rd=$escaped_request_uri'\n{N}auth-response-headers: X-Auth-Request-User"), set(), PASSED),
    ("rewrite",                     manifest(f"{N}rewrite-target: /$2\n{N}use-regex: 'true'"), set(), PASSED),
    ("canary",                      manifest(f"{N}canary: 'true'\n{N}canary-weight: '10'"), set(), UNKNOWN),
    ("CORS and headers",            manifest(f"{N}enable-cors: 'true'\n{N}configuration-snippet: |\n  more_set_headers \"X-Frame-Options: DENY\";\n  add_header X-Robots-Tag none;"), set(), PASSED),
    ("a websocket app",             manifest(f"{N}proxy-read-timeout: '3600'\n{N}proxy-send-timeout: '3600'\n{N}affinity: cookie\n{N}session-cookie-name: route"), set(), PASSED),
    ("modsecurity",                 manifest(f"{N}enable-modsecurity: 'true'\n{N}enable-owasp-core-rules: 'true'\n{N}modsecurity-snippet: |\n  SecRuleEngine On\n  SecRequestBodyAccess On"), set(), UNKNOWN),
    ("an event stream, as advised", manifest(f"{N}proxy-read-timeout: '3600'\n{N}configuration-snippet: |\n  proxy_set_header Connection '';\n  proxy_cache off;\n  chunked_transfer_encoding off;\n  proxy_buffering off;"), set(), UNKNOWN),
    ("buffered for performance",    manifest(f"{N}proxy-buffering: 'on'\n{N}proxy-buffer-size: 16k"), {"nginx-proxy-buffering"}, NOTHING),
    ("the old API",                 "apiVersion: extensions/v1beta1\nkind: Ingress\nmetadata:\n  name: app\n  annotations:\n    kubernetes.io/ingress.class: nginx\nspec:\n  rules:\n  - http:\n      paths:\n      - backend: {serviceName: app, servicePort: 80}\n", set(), PASSED),
    ("EKS",                         manifest("kubernetes.io/ingress.class: alb\nalb.ingress.kubernetes.io/scheme: internet-facing\nalb.ingress.kubernetes.io/target-type: ip\nalb.ingress.kubernetes.io/load-balancer-attributes: idle_timeout.timeout_seconds=600", cls=""), set(), UNKNOWN),
    ("GKE",                         manifest("kubernetes.io/ingress.class: gce\nkubernetes.io/ingress.global-static-ip-name: ip\nnetworking.gke.io/managed-certificates: cert", cls=""), set(), UNKNOWN),
    ("AKS",                         manifest("kubernetes.io/ingress.class: azure/application-gateway\nappgw.ingress.kubernetes.io/request-timeout: '60'", cls=""), set(), UNKNOWN),
    ("k3s",                         manifest("traefik.ingress.kubernetes.io/router.entrypoints: websecure\ntraefik.ingress.kubernetes.io/router.middlewares: default-redirect@kubernetescrd", cls="traefik"), set(), UNKNOWN),
    ("haproxy",                     manifest("haproxy.org/timeout-server: 1h\nhaproxy.org/load-balance: leastconn", cls="haproxy"), set(), UNKNOWN),
    ("haproxy-ingress",             manifest("haproxy-ingress.github.io/timeout-server: 600s", cls=""), set(), UNKNOWN),
    ("F5, cafe",                    manifest("nginx.org/lb-method: round_robin\nnginx.org/ssl-services: tea-svc", tls=TLS), {"nginx-proxy-buffering"}, NOTHING),
    ("F5, plain http",              manifest("nginx.org/websocket-services: ws-svc"), set(), PASSED),
    ("Kong with plugins",           manifest("konghq.com/plugins: rate-limiting\nkonghq.com/response-buffering: 'false'", cls="kong"), set(), UNKNOWN),
    ("a whole app",                 manifest(f"{N}proxy-buffering: 'off'") + SERVICE + DEPLOYMENT, set(), PASSED),
    ("an app without an Ingress",   DEPLOYMENT.removeprefix("---\n") + SERVICE, set(), NOTHING),
    ("a gateway",                   "apiVersion: gateway.networking.k8s.io/v1\nkind: Gateway\nmetadata: {name: gw}\nspec:\n  gatewayClassName: envoy\n  listeners: [{name: http, port: 80, protocol: HTTP}]\n---\napiVersion: gateway.networking.k8s.io/v1\nkind: HTTPRoute\nmetadata: {name: app}\nspec:\n  parentRefs: [{name: gw}]\n  rules:\n  - matches: [{path: {type: PathPrefix, value: /}}]\n    backendRefs: [{name: app, port: 80}]\n", set(), UNKNOWN),
    ("ingress-nginx, values",       "controller:\n  ingressClassResource: {default: true}\n  config:\n    use-forwarded-headers: 'true'\n    compute-full-forwarded-for: 'true'\n    enable-brotli: 'true'\n    ssl-protocols: TLSv1.2 TLSv1.3\n  metrics: {enabled: true}\n", set(), NOTHING),
    ("ingress-nginx, ConfigMap",    "apiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: ingress-nginx-controller\n  namespace: ingress-nginx\ndata:\n  allow-snippet-annotations: 'true'\n  proxy-body-size: 100m\n  use-gzip: 'true'\n  log-format-upstream: '{\"time\": \"$time_iso8601\"}'\n", set(), NOTHING),
    ("kustomize",                   "apiVersion: kustomize.config.k8s.io/v1beta1\nkind: Kustomization\nresources: [ingress.yaml]\npatches:\n- target: {kind: Ingress}\n  patch: |-\n    - op: replace\n      path: /spec/rules/0/host\n      value: a.example.org\n", set(), NOTHING),
    ("a patch of kustomize",        f"apiVersion: networking.k8s.io/v1\nkind: Ingress\nmetadata:\n  name: app\n  annotations:\n    {N}proxy-buffering: 'off'\n", set(), PASSED),
    ("Argo's application",          f"apiVersion: argoproj.io/v1alpha1\nkind: Application\nmetadata: {{name: app}}\nspec:\n  source:\n    helm:\n      valuesObject:\n        ingress:\n          ingressClassName: nginx\n          annotations:\n            {N}proxy-buffering: 'off'\n", set(), PASSED),
    ("anchors",                     f"common: &common\n  {N}proxy-read-timeout: '3600'\ningress:\n  annotations:\n    <<: *common\n    {N}proxy-buffering: 'off'\n", set(), PASSED),
]  # fmt: skip


def test_the_shipped_manifest_passes_without_a_condition():
    checked = check_text(text_of("kubernetes/flushcheck.yaml"), name="flushcheck.yaml")
    assert (checked.findings, checked.unknown, checked.problems) == ((), (), ())
    assert [block.conditions for block in checked.passed] == [()]


@pytest.mark.parametrize(
    ("name", "text", "culprits", "said"), ROWS, ids=[row[0].replace(" ", "-") for row in ROWS]
)
def test_a_manifest_of_the_field_is_judged_without_a_false_error(name, text, culprits, said):
    checked = check_text(text, name="app.yaml")
    found = {each.culprit.id for each in checked.findings if each.level is not Level.NOTE}
    assert found == culprits
    assert bool(checked.passed) is (said is PASSED), [block.reason for block in checked.unknown]
    assert bool(checked.unknown) is (said is UNKNOWN)
    assert findings_text(checked, width=100, color=False)
