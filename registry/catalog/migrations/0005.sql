-- The views that `mmreg sql` documents. For SQLite they are in views.sql, with the same columns.

CREATE VIEW versions AS
SELECT v.uuid,
	v.dataset || '@' || CASE WHEN v.ordinal > 0 THEN 'v' || v.ordinal ELSE substr(v.uuid, 1, 8) END AS ref,
	v.dataset, v.ordinal, v.kind, v.rows, v.rejected, v.lance_version, v.run, v.job_kind, v.job_name AS job, v.created_at,
	CASE WHEN v.uuid = (
		SELECT p.uuid FROM promotion p JOIN run r ON r.id = p.run WHERE p.dataset = v.dataset
		ORDER BY r.ended_at DESC, r.id DESC LIMIT 1
	) THEN 1 ELSE 0 END AS promoted,
	(SELECT CASE WHEN d.ok THEN 'passed' WHEN d.ok IS NULL THEN 'unchecked' ELSE 'failed' END FROM verdict d
		WHERE d.uuid = v.uuid ORDER BY d.at DESC, d.run DESC LIMIT 1) AS verdict,
	(SELECT min(m.at) FROM removal m WHERE m.uuid = v.uuid) AS removed_at
FROM version v;

CREATE VIEW datasets AS
SELECT name, kind, versions, latest, promoted, rows, rejected, created_at, updated_at FROM (
	SELECT v.dataset AS name, v.kind, count(*) OVER whole AS versions, v.ref AS latest,
		max(CASE WHEN v.promoted = 1 THEN v.ref END) OVER whole AS promoted, v.rows, v.rejected,
		min(v.created_at) OVER whole AS created_at, max(v.created_at) OVER whole AS updated_at,
		row_number() OVER (PARTITION BY v.dataset ORDER BY coalesce(v.lance_version, 0) DESC, v.ordinal DESC,
			v.created_at DESC, v.uuid DESC) AS place
	FROM versions v WINDOW whole AS (PARTITION BY v.dataset)
) d WHERE place = 1;

CREATE VIEW runs AS
SELECT id, kind, name AS job, state, started_at, ended_at,
	CAST(extract(epoch FROM CAST(nullif(ended_at, '') AS TIMESTAMPTZ) - CAST(nullif(started_at, '') AS TIMESTAMPTZ))
		AS DOUBLE PRECISION) AS seconds,
	CASE WHEN CAST(record AS JSON) ->> 'declared' = 'true' THEN 1 ELSE 0 END AS declared,
	CAST(record AS JSON) ->> 'tool' AS tool, CAST(record AS JSON) #>> '{facets,error}' AS error, record
FROM (
	SELECT id, kind, name, state, started_at, ended_at, CASE WHEN record ~ '[:,\[] ?(NaN|-?Infinity)|\\u0000' THEN regexp_replace(regexp_replace(record,
		'([:,\[] ?)(NaN|-?Infinity)', '\1null', 'g'), '\\u0000', '\\ufffd', 'g') ELSE record END AS record
	FROM run
) r;

CREATE VIEW models AS
SELECT digest, name, 'model:' || name || '@' || substr(digest, 1, 12) AS ref,
	CAST(record AS JSON) ->> 'framework' AS framework,
	CASE WHEN CAST(record AS JSON) ->> 'opaque' = 'true' THEN 1 ELSE 0 END AS opaque,
	CAST(CAST(record AS JSON) ->> 'size_bytes' AS BIGINT) AS size_bytes, CAST(record AS JSON) ->> 'base' AS base,
	CAST(record AS JSON) ->> 'license' AS license, CAST(record AS JSON) ->> 'path' AS path,
	CAST(record AS JSON) ->> 'uri' AS uri, run, ended_at AS registered_at
FROM (
	SELECT c.digest, c.name, c.run, r.ended_at,
		CASE WHEN c.record ~ '[:,\[] ?(NaN|-?Infinity)|\\u0000' THEN regexp_replace(regexp_replace(c.record,
		'([:,\[] ?)(NaN|-?Infinity)', '\1null', 'g'), '\\u0000', '\\ufffd', 'g') ELSE c.record END AS record,
		row_number() OVER (PARTITION BY c.digest, c.name ORDER BY r.ended_at DESC, r.id DESC) AS place
	FROM checkpoint c JOIN run r ON r.id = c.run
) m WHERE place = 1;

CREATE VIEW aliases AS
SELECT model, alias, digest, run, at, CASE WHEN place = 1 THEN 1 ELSE 0 END AS current FROM (
	SELECT a.model, a.alias, a.digest, a.run, r.ended_at AS at,
		row_number() OVER (PARTITION BY a.model, a.alias ORDER BY r.ended_at DESC, r.id DESC) AS place
	FROM alias a JOIN run r ON r.id = a.run
) a;

CREATE VIEW trainings AS
SELECT r.id AS run, r.job, r.state, c.digest, c.name AS model,
	CASE WHEN CAST(r.record AS JSON) #>> '{facets,training,seed}' ~ '^-?[0-9]{1,18}$'
		THEN CAST(CAST(r.record AS JSON) #>> '{facets,training,seed}' AS BIGINT) END AS seed,
	CASE WHEN CAST(r.record AS JSON) #>> '{facets,training,samples_seen}' ~ '^-?[0-9]{1,18}$'
		THEN CAST(CAST(r.record AS JSON) #>> '{facets,training,samples_seen}' AS BIGINT) END AS samples_seen,
	CASE WHEN CAST(r.record AS JSON) #>> '{facets,training,parameters}' ~ '^-?[0-9]{1,18}$'
		THEN CAST(CAST(r.record AS JSON) #>> '{facets,training,parameters}' AS BIGINT) END AS parameters,
	(SELECT i.value ->> 'id' FROM json_array_elements(CAST(r.record AS JSON) -> 'inputs') i
		WHERE i.value ->> 'role' = 'init_from' LIMIT 1) AS init_from,
	r.started_at, r.ended_at, CAST(r.record AS JSON) #>> '{facets,training}' AS facet
FROM runs r LEFT JOIN checkpoint c ON c.run = r.id WHERE r.kind = 'training';

CREATE VIEW training_data AS
SELECT r.id AS run, r.job, d.value ->> 'uuid' AS uuid, d.value ->> 'ref' AS ref,
	d.value ->> 'split' AS split, d.value ->> 'where' AS predicate,
	CAST(d.value ->> 'weight' AS DOUBLE PRECISION) AS weight, d.value ->> 'component' AS component,
	d.value ->> 'rows' AS row_set, CAST(d.value ->> 'count' AS BIGINT) AS samples
FROM runs r CROSS JOIN LATERAL json_array_elements(CAST(r.record AS JSON) #> '{facets,training,data}') d
WHERE r.kind = 'training'
UNION ALL
SELECT r.id, r.job, i.value ->> 'id', i.value ->> 'ref', CAST(r.record AS JSON) #>> '{facets,training,split}',
	NULL, NULL, NULL, NULL, NULL
FROM runs r CROSS JOIN LATERAL json_array_elements(CAST(r.record AS JSON) -> 'inputs') i
WHERE r.kind = 'training' AND i.value ->> 'role' = 'trained_on'
	AND CAST(r.record AS JSON) #> '{facets,training,data}' IS NULL;

CREATE VIEW metrics AS
SELECT m.run, r.kind AS run_kind, r.name AS job, m.digest, m.name, m.value, r.ended_at AS at
FROM metric m JOIN run r ON r.id = m.run;

CREATE VIEW evaluations AS
SELECT m.run, m.digest, r.job AS model, m.name AS metric, m.value,
	i.value ->> 'id' AS uuid, i.value ->> 'ref' AS ref,
	CAST(r.record AS JSON) #>> '{facets,evaluation,split}' AS split,
	CASE WHEN CAST(r.record AS JSON) #>> '{facets,evaluation,seed}' ~ '^-?[0-9]{1,18}$'
		THEN CAST(CAST(r.record AS JSON) #>> '{facets,evaluation,seed}' AS BIGINT) END AS seed,
	CAST(r.record AS JSON) #>> '{facets,evaluation,evaluator,name}' AS evaluator, r.ended_at AS at
FROM metric m JOIN runs r ON r.id = m.run
	LEFT JOIN LATERAL json_array_elements(CAST(r.record AS JSON) -> 'inputs') i
		ON i.value ->> 'role' = 'evaluated_on'
WHERE r.kind = 'evaluation';

CREATE VIEW nodes AS
SELECT id, kind, name, ref, at, facts FROM node;

CREATE VIEW edges AS
SELECT s.id AS source, t.id AS target, e.kind
FROM edge e JOIN node s ON s.number = e.source JOIN node t ON t.number = e.target;

CREATE VIEW columns AS
SELECT v.uuid, v.ref, v.dataset, c.value AS name, v.run, v.job_kind, v.job
FROM versions v JOIN version w ON w.dataset = v.dataset AND w.ordinal = v.ordinal AND w.uuid = v.uuid
	CROSS JOIN LATERAL json_array_elements_text(CAST(w.columns AS JSON)) c;

CREATE VIEW promotions AS
SELECT p.run, p.dataset, p.uuid, v.ref, r.ended_at AS at
FROM promotion p JOIN run r ON r.id = p.run LEFT JOIN versions v ON v.uuid = p.uuid;

CREATE VIEW verdicts AS
SELECT d.run, d.uuid, v.ref, d.at, CASE WHEN d.ok THEN 1 WHEN d.ok IS NULL THEN NULL ELSE 0 END AS ok
FROM verdict d LEFT JOIN versions v ON v.uuid = d.uuid;

CREATE VIEW costs AS
SELECT r.id AS run, r.kind AS run_kind, r.job, c.key AS measure,
	CAST(CAST(c.value AS TEXT) AS DOUBLE PRECISION) AS amount,
	CASE WHEN c.key = 'money' THEN CAST(r.record AS JSON) #>> '{facets,cost,currency}' END AS currency
FROM runs r CROSS JOIN LATERAL json_each(CAST(r.record AS JSON) #> '{facets,cost}') c
WHERE json_typeof(c.value) = 'number'
UNION ALL
SELECT r.id, r.kind, r.job, c.key, CAST(CAST(c.value AS TEXT) AS DOUBLE PRECISION), NULL
FROM runs r CROSS JOIN LATERAL json_each(CAST(r.record AS JSON) #> '{facets,pass,cost}') c
WHERE json_typeof(c.value) = 'number';
