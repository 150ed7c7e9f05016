{{- define "freeai.fullname" -}}
{{- if contains .Chart.Name .Release.Name }}{{ .Release.Name | trunc 50 | trimSuffix "-" }}{{ else }}{{ printf "%s-%s" .Release.Name .Chart.Name | trunc 50 | trimSuffix "-" }}{{ end }}
{{- end }}

{{- define "freeai.selector" -}}
app.kubernetes.io/name: {{ .Chart.Name }}
app.kubernetes.io/instance: {{ .Release.Name }}
{{- end }}

{{- define "freeai.labels" -}}
helm.sh/chart: {{ .Chart.Name }}-{{ .Chart.Version }}
{{ include "freeai.selector" . }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "freeai.connectionsSecret" -}}
{{ .Values.connections.existingSecret | default (printf "%s-connections" (include "freeai.fullname" .)) }}
{{- end }}

{{- define "freeai.ownSecret" -}}
{{ .Values.secrets.existingSecret | default (printf "%s-secrets" (include "freeai.fullname" .)) }}
{{- end }}

{{/* What every container of the image has: `command` and `resources` are its own. */}}
{{- define "freeai.container" -}}
image: "{{ .Values.image.repository }}:{{ .Values.image.tag | default .Chart.AppVersion }}"
imagePullPolicy: {{ .Values.image.pullPolicy }}
securityContext: {{- toYaml .Values.securityContext | nindent 2 }}
env:
  - { name: FREEAI_LOG_FORMAT, value: json }
  - { name: FREEAI_FIRST_ADMIN, value: {{ .Values.firstAdmin | quote }} }
  - { name: FREEAI_PUBLIC_URL, value: {{ .Values.publicUrl | quote }} }
  - { name: FREEAI_TRUST_PROXY, value: {{ ternary "1" "0" .Values.trustProxy | quote }} }
  {{- range $name, $value := .Values.env }}
  - { name: {{ $name }}, value: {{ $value | quote }} }
  {{- end }}
envFrom:
  - secretRef: { name: {{ include "freeai.connectionsSecret" . }} }
  - secretRef: { name: {{ include "freeai.ownSecret" . }} }
  {{- range .Values.envFrom }}
  - secretRef: { name: {{ . }} }
  {{- end }}
volumeMounts:
  - { name: data, mountPath: /data }
  - { name: tmp, mountPath: /tmp }
{{- end }}

{{- define "freeai.pod" -}}
automountServiceAccountToken: false
securityContext: {{- toYaml .Values.podSecurityContext | nindent 2 }}
{{- with .Values.imagePullSecrets }}
imagePullSecrets: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.nodeSelector }}
nodeSelector: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.tolerations }}
tolerations: {{- toYaml . | nindent 2 }}
{{- end }}
{{- with .Values.affinity }}
affinity: {{- toYaml . | nindent 2 }}
{{- end }}
{{- end }}
