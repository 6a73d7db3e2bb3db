CREATE TABLE alias (
	run VARCHAR COLLATE "C" NOT NULL,
	model VARCHAR COLLATE "C" NOT NULL,
	alias VARCHAR COLLATE "C" NOT NULL,
	digest VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (run, model, alias)
);

CREATE INDEX alias_by_digest ON alias (digest);

CREATE INDEX alias_by_model ON alias (model, alias);

CREATE TABLE checkpoint (
	run VARCHAR COLLATE "C" NOT NULL,
	digest VARCHAR COLLATE "C" NOT NULL,
	name VARCHAR COLLATE "C" NOT NULL,
	record VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (run, digest, name)
);

CREATE INDEX checkpoint_by_digest ON checkpoint (digest);

CREATE INDEX checkpoint_by_name ON checkpoint (name);

CREATE TABLE edge (
	source BIGINT NOT NULL,
	target BIGINT NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (source, target, kind)
);

CREATE INDEX edge_upstream ON edge (target, source, kind);

CREATE TABLE metric (
	run VARCHAR COLLATE "C" NOT NULL,
	digest VARCHAR COLLATE "C" NOT NULL,
	name VARCHAR COLLATE "C" NOT NULL,
	value FLOAT,
	PRIMARY KEY (run, digest, name)
);

CREATE INDEX metric_by_digest ON metric (digest, name);

CREATE TABLE node (
	number BIGSERIAL NOT NULL,
	id VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	name VARCHAR COLLATE "C" NOT NULL,
	ref VARCHAR COLLATE "C" NOT NULL,
	at VARCHAR COLLATE "C" NOT NULL,
	facts VARCHAR COLLATE "C" NOT NULL,
	named_by VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (id)
);

CREATE TABLE promotion (
	run VARCHAR COLLATE "C" NOT NULL,
	dataset VARCHAR COLLATE "C" NOT NULL,
	uuid VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (run)
);

CREATE INDEX promotion_by_dataset ON promotion (dataset);

CREATE TABLE run (
	id VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	name VARCHAR COLLATE "C" NOT NULL,
	state VARCHAR COLLATE "C" NOT NULL,
	started_at VARCHAR COLLATE "C" NOT NULL,
	ended_at VARCHAR COLLATE "C" NOT NULL,
	archived BOOLEAN NOT NULL,
	record VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX run_by_job ON run (kind, name, ended_at, id);

CREATE TABLE run_object (
	key VARCHAR COLLATE "C" NOT NULL,
	run VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (key)
);

CREATE TABLE setting (
	name VARCHAR COLLATE "C" NOT NULL,
	value VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE stamp (
	dataset VARCHAR COLLATE "C" NOT NULL,
	address VARCHAR COLLATE "C" NOT NULL,
	stamp BIGINT NOT NULL,
	PRIMARY KEY (dataset, address)
);

CREATE TABLE version (
	dataset VARCHAR COLLATE "C" NOT NULL,
	ordinal INTEGER NOT NULL,
	uuid VARCHAR COLLATE "C" NOT NULL,
	kind VARCHAR COLLATE "C" NOT NULL,
	rows BIGINT NOT NULL,
	rejected BIGINT NOT NULL,
	lance_version INTEGER,
	roots VARCHAR COLLATE "C" NOT NULL,
	columns VARCHAR COLLATE "C" NOT NULL,
	run VARCHAR COLLATE "C" NOT NULL,
	job_kind VARCHAR COLLATE "C" NOT NULL,
	job_name VARCHAR COLLATE "C" NOT NULL,
	created_at VARCHAR COLLATE "C" NOT NULL,
	PRIMARY KEY (dataset, ordinal, uuid)
);

CREATE INDEX version_by_run ON version (run);

CREATE INDEX version_by_uuid ON version (uuid);

CREATE TABLE watermark (
	dataset VARCHAR COLLATE "C" NOT NULL,
	lance_version INTEGER NOT NULL,
	PRIMARY KEY (dataset)
);
