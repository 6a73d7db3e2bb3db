-- The views that `mmreg sql` documents, over SQLite. On PostgreSQL migrations make them, with the same columns.

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
	(julianday(ended_at) - julianday(started_at)) * 86400.0 AS seconds,
	CASE WHEN json_extract(record, '$.declared') THEN 1 ELSE 0 END AS declared,
	json_extract(record, '$.tool') AS tool, json_extract(record, '$.facets.error') AS error, record
FROM (
	SELECT id, kind, name, state, started_at, ended_at, CASE WHEN json_valid(record) THEN record
		ELSE replace(replace(replace(record, 'NaN', 'null'), '-Infinity', 'null'), 'Infinity', 'null') END AS record
	FROM run
) r;

CREATE VIEW models AS
SELECT digest, name, 'model:' || name || '@' || substr(digest, 1, 12) AS ref,
	json_extract(record, '$.framework') AS framework,
	CASE WHEN json_extract(record, '$.opaque') THEN 1 ELSE 0 END AS opaque,
	json_extract(record, '$.size_bytes') AS size_bytes, json_extract(record, '$.base') AS base,
	json_extract(record, '$.license') AS license, json_extract(record, '$.path') AS path,
	json_extract(record, '$.uri') AS uri, run, ended_at AS registered_at
FROM (
	SELECT c.digest, c.name, c.run, r.ended_at,
		CASE WHEN json_valid(c.record) THEN c.record
		ELSE replace(replace(replace(c.record, 'NaN', 'null'), '-Infinity', 'null'), 'Infinity', 'null') END AS record,
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
	CASE WHEN json_type(r.record, '$.facets.training.seed') = 'integer'
		THEN json_extract(r.record, '$.facets.training.seed') END AS seed,
	CASE WHEN json_type(r.record, '$.facets.training.samples_seen') = 'integer'
		THEN json_extract(r.record, '$.facets.training.samples_seen') END AS samples_seen,
	CASE WHEN json_type(r.record, '$.facets.training.parameters') = 'integer'
		THEN json_extract(r.record, '$.facets.training.parameters') END AS parameters,
	(SELECT json_extract(i.value, '$.id') FROM json_each(r.record, '$.inputs') i
		WHERE json_extract(i.value, '$.role') = 'init_from' LIMIT 1) AS init_from,
	r.started_at, r.ended_at, json_extract(r.record, '$.facets.training') AS facet
FROM runs r LEFT JOIN checkpoint c ON c.run = r.id WHERE r.kind = 'training';

CREATE VIEW training_data AS
SELECT r.id AS run, r.job, json_extract(d.value, '$.uuid') AS uuid, json_extract(d.value, '$.ref') AS ref,
	json_extract(d.value, '$.split') AS split, json_extract(d.value, '$.where') AS predicate,
	json_extract(d.value, '$.weight') AS weight, json_extract(d.value, '$.component') AS component,
	json_extract(d.value, '$.rows') AS row_set, json_extract(d.value, '$.count') AS samples
FROM runs r, json_each(r.record, '$.facets.training.data') d WHERE r.kind = 'training'
UNION ALL
SELECT r.id, r.job, json_extract(i.value, '$.id'), json_extract(i.value, '$.ref'),
	json_extract(r.record, '$.facets.training.split'), NULL, NULL, NULL, NULL, NULL
FROM runs r, json_each(r.record, '$.inputs') i
WHERE r.kind = 'training' AND json_extract(i.value, '$.role') = 'trained_on'
	AND json_type(r.record, '$.facets.training.data') IS NULL;

CREATE VIEW metrics AS
SELECT m.run, r.kind AS run_kind, r.name AS job, m.digest, m.name, m.value, r.ended_at AS at
FROM metric m JOIN run r ON r.id = m.run;

CREATE VIEW evaluations AS
SELECT m.run, m.digest, r.job AS model, m.name AS metric, m.value,
	json_extract(i.value, '$.id') AS uuid, json_extract(i.value, '$.ref') AS ref,
	json_extract(r.record, '$.facets.evaluation.split') AS split,
	CASE WHEN json_type(r.record, '$.facets.evaluation.seed') = 'integer'
		THEN json_extract(r.record, '$.facets.evaluation.seed') END AS seed,
	json_extract(r.record, '$.facets.evaluation.evaluator.name') AS evaluator, r.ended_at AS at
FROM metric m JOIN runs r ON r.id = m.run
	LEFT JOIN json_each(r.record, '$.inputs') i ON json_extract(i.value, '$.role') = 'evaluated_on'
WHERE r.kind = 'evaluation';

CREATE VIEW nodes AS
SELECT id, kind, name, ref, at, facts FROM node;

CREATE VIEW edges AS
SELECT s.id AS source, t.id AS target, e.kind
FROM edge e JOIN node s ON s.number = e.source JOIN node t ON t.number = e.target;

CREATE VIEW columns AS
SELECT v.uuid, v.ref, v.dataset, c.value AS name, v.run, v.job_kind, v.job
FROM versions v JOIN version w ON w.dataset = v.dataset AND w.ordinal = v.ordinal AND w.uuid = v.uuid,
	json_each(w.columns) c;

CREATE VIEW promotions AS
SELECT p.run, p.dataset, p.uuid, v.ref, r.ended_at AS at
FROM promotion p JOIN run r ON r.id = p.run LEFT JOIN versions v ON v.uuid = p.uuid;

CREATE VIEW verdicts AS
SELECT d.run, d.uuid, v.ref, d.at, CASE WHEN d.ok THEN 1 WHEN d.ok IS NULL THEN NULL ELSE 0 END AS ok
FROM verdict d LEFT JOIN versions v ON v.uuid = d.uuid;

CREATE VIEW costs AS
SELECT r.id AS run, r.kind AS run_kind, r.job, c.key AS measure, CAST(c.value AS REAL) AS amount,
	CASE WHEN c.key = 'money' THEN json_extract(r.record, '$.facets.cost.currency') END AS currency
FROM runs r, json_each(r.record, '$.facets.cost') c WHERE c.type IN ('integer', 'real')
UNION ALL
SELECT r.id, r.kind, r.job, c.key, CAST(c.value AS REAL), NULL
FROM runs r, json_each(r.record, '$.facets.pass.cost') c WHERE c.type IN ('integer', 'real');
