{{- define "bigip-mesh.labels" -}}
app.kubernetes.io/name: bigip-mesh-agent
app.kubernetes.io/instance: {{ .Release.Name | quote }}
app.kubernetes.io/version: {{ .Chart.AppVersion | quote }}
app.kubernetes.io/managed-by: {{ .Release.Service }}
{{- end }}

{{- define "bigip-mesh.selector" -}}
app.kubernetes.io/name: bigip-mesh-agent
app.kubernetes.io/instance: {{ .Release.Name | quote }}
{{- end }}

{{- define "bigip-mesh.image" -}}
{{- $tag := .Values.image.tag | default .Chart.AppVersion -}}
{{ .Values.image.repository }}:{{ $tag }}{{ with .Values.image.digest }}@{{ . }}{{ end }}
{{- end }}
