{{- define "makebridge.fullname" -}}
{{- if contains .Chart.Name .Release.Name -}}
{{- .Release.Name | trunc 63 | trimSuffix "-" -}}
{{- else -}}
{{- printf "%s-%s" .Release.Name .Chart.Name | trunc 63 | trimSuffix "-" -}}
{{- end -}}
{{- end -}}

{{/* What pods of this release have in common, and nothing that ever changes. */}}
{{- define "makebridge.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end -}}

{{- define "makebridge.labels" -}}
{{ include "makebridge.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
helm.sh/chart: {{ printf "%s-%s" .Chart.Name .Chart.Version | replace "+" "_" }}
{{- end -}}

{{- define "makebridge.image" -}}
{{- if .Values.image.digest -}}
{{ .Values.image.repository }}@{{ .Values.image.digest }}
{{- else -}}
{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}
{{- end -}}
{{- end -}}

{{- define "makebridge.serviceAccount" -}}
{{- if .Values.serviceAccount.create -}}
{{ .Values.serviceAccount.name | default (include "makebridge.fullname" .) }}
{{- else -}}
{{ .Values.serviceAccount.name | default "default" }}
{{- end -}}
{{- end -}}

{{/* The Secret with the webhooks: existingSecret, or the chart's own. */}}
{{- define "makebridge.secret" -}}
{{ .Values.existingSecret | default (include "makebridge.fullname" .) }}
{{- end -}}

{{/*
The secrets of a route that there are, as a JSON list of url, api-key and
signing-secret. Argument: a list of the root and the route's values.
*/}}
{{- define "makebridge.secretsOf" -}}
{{- $root := index . 0 -}}
{{- $route := index . 1 | default dict -}}
{{- $there := list -}}
{{- if $root.Values.existingSecret -}}
{{- $there = hasKey $route "secrets" | ternary $route.secrets (list "url") -}}
{{- else -}}
{{- if $route.url -}}{{- $there = append $there "url" -}}{{- end -}}
{{- if $route.apiKey -}}{{- $there = append $there "api-key" -}}{{- end -}}
{{- if $route.signingSecret -}}{{- $there = append $there "signing-secret" -}}{{- end -}}
{{- end -}}
{{- toJson $there -}}
{{- end -}}

{{- define "makebridge.variable" -}}
{{ . | upper | replace "-" "_" }}
{{- end -}}

{{/* What runs in the bridge's pods and in the test's. */}}
{{- define "makebridge.env" -}}
- {name: NATS_URL, value: {{ .Values.nats.url | quote }}}
{{- if eq .Values.nats.auth "nkey" }}
- {name: NATS_NKEY, value: /etc/makebridge/nats/nkey}
{{- else if eq .Values.nats.auth "creds" }}
- {name: NATS_CREDS, value: /etc/makebridge/nats/creds}
{{- end }}
{{- if .Values.nats.tls.existingSecret }}
- {name: NATS_CA, value: /etc/makebridge/tls/ca.crt}
{{- if .Values.nats.tls.clientCertificate }}
- {name: NATS_CERT, value: /etc/makebridge/tls/tls.crt}
- {name: NATS_KEY, value: /etc/makebridge/tls/tls.key}
{{- end }}
{{- end }}
{{- with .Values.nats.inboxPrefix }}
- {name: NATS_INBOX_PREFIX, value: {{ . | quote }}}
{{- end }}
{{- with .Values.nats.jsDomain }}
- {name: NATS_JS_DOMAIN, value: {{ . | quote }}}
{{- end }}
- {name: BRIDGE_HTTP_ADDR, value: ":{{ .Values.port }}"}
- {name: BRIDGE_SHUTDOWN_TIMEOUT, value: "{{ .Values.shutdownTimeoutSeconds }}s"}
- {name: BRIDGE_LOG_FORMAT, value: json}
{{- range $name, $value := .Values.config }}
- {name: {{ $name }}, value: {{ $value | quote }}}
{{- end }}
{{- range $name, $route := .Values.routes }}
{{- $stem := printf "MAKE_WEBHOOK_%s" (include "makebridge.variable" $name) }}
{{- range $secret := include "makebridge.secretsOf" (list $ $route) | fromJsonArray }}
- {name: {{ $stem }}_{{ include "makebridge.variable" $secret }}_FILE, value: /etc/makebridge/webhooks/{{ $name }}-{{ $secret }}}
{{- end }}
{{- range $key, $value := ($route | default dict).settings }}
- {name: {{ $stem }}_{{ $key }}, value: {{ $value | quote }}}
{{- end }}
{{- end }}
{{- with .Values.extraEnv }}
{{ toYaml . }}
{{- end }}
{{- end -}}

{{/*
The Secrets are mounted whole: one mounted by subPath is never brought up to
date, and the bridge would not see a new key.
*/}}
{{- define "makebridge.mounts" -}}
- {name: webhooks, mountPath: /etc/makebridge/webhooks, readOnly: true}
{{- if ne .Values.nats.auth "none" }}
- {name: nats, mountPath: /etc/makebridge/nats, readOnly: true}
{{- end }}
{{- if .Values.nats.tls.existingSecret }}
- {name: tls, mountPath: /etc/makebridge/tls, readOnly: true}
{{- end }}
{{- end -}}

{{- define "makebridge.volumes" -}}
- name: webhooks
  secret: {secretName: {{ include "makebridge.secret" . }}, defaultMode: 0440}
{{- if ne .Values.nats.auth "none" }}
- name: nats
  secret: {secretName: {{ required "nats.auth is nkey or creds: nats.existingSecret must name the Secret that holds it" .Values.nats.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- if .Values.nats.tls.existingSecret }}
- name: tls
  secret: {secretName: {{ .Values.nats.tls.existingSecret }}, defaultMode: 0440}
{{- end }}
{{- end -}}

{{/* Both contexts together fit the "restricted" Pod Security Standard. */}}
{{- define "makebridge.podSecurity" -}}
runAsNonRoot: true
runAsUser: 65532
runAsGroup: 65532
fsGroup: 65532
seccompProfile: {type: RuntimeDefault}
{{- end -}}

{{- define "makebridge.containerSecurity" -}}
allowPrivilegeEscalation: false
readOnlyRootFilesystem: true
capabilities: {drop: [ALL]}
{{- end -}}
