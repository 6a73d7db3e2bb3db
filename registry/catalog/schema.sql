CREATE TABLE alias (
	run VARCHAR NOT NULL,
	model VARCHAR NOT NULL,
	alias VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	PRIMARY KEY (run, model, alias)
);

CREATE INDEX alias_by_digest ON alias (digest);

CREATE INDEX alias_by_model ON alias (model, alias);

CREATE TABLE checkpoint (
	run VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	record VARCHAR NOT NULL,
	PRIMARY KEY (run, digest, name)
);

CREATE INDEX checkpoint_by_digest ON checkpoint (digest);

CREATE INDEX checkpoint_by_name ON checkpoint (name);

CREATE TABLE edge (
	source INTEGER NOT NULL,
	target INTEGER NOT NULL,
	kind VARCHAR NOT NULL,
	PRIMARY KEY (source, target, kind)
)
 WITHOUT ROWID;

CREATE INDEX edge_upstream ON edge (target, source, kind);

CREATE TABLE metric (
	run VARCHAR NOT NULL,
	digest VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	value FLOAT,
	PRIMARY KEY (run, digest, name)
);

CREATE INDEX metric_by_digest ON metric (digest, name);

CREATE TABLE node (
	number INTEGER NOT NULL,
	id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	ref VARCHAR NOT NULL,
	at VARCHAR NOT NULL,
	facts VARCHAR NOT NULL,
	named_by VARCHAR NOT NULL,
	PRIMARY KEY (number),
	UNIQUE (id)
);

CREATE TABLE promotion (
	run VARCHAR NOT NULL,
	dataset VARCHAR NOT NULL,
	uuid VARCHAR NOT NULL,
	PRIMARY KEY (run)
);

CREATE INDEX promotion_by_dataset ON promotion (dataset);

CREATE TABLE removal (
	uuid VARCHAR NOT NULL,
	run VARCHAR NOT NULL,
	at VARCHAR NOT NULL,
	PRIMARY KEY (uuid, run)
);

CREATE TABLE run (
	id VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	name VARCHAR NOT NULL,
	state VARCHAR NOT NULL,
	started_at VARCHAR NOT NULL,
	ended_at VARCHAR NOT NULL,
	archived BOOLEAN NOT NULL,
	record VARCHAR NOT NULL,
	PRIMARY KEY (id)
);

CREATE INDEX run_by_job ON run (kind, name, ended_at, id);

CREATE TABLE run_object (
	"key" VARCHAR NOT NULL,
	run VARCHAR NOT NULL,
	PRIMARY KEY ("key")
);

CREATE TABLE setting (
	name VARCHAR NOT NULL,
	value VARCHAR NOT NULL,
	PRIMARY KEY (name)
);

CREATE TABLE stamp (
	dataset VARCHAR NOT NULL,
	address VARCHAR NOT NULL,
	stamp BIGINT NOT NULL,
	PRIMARY KEY (dataset, address)
)
 WITHOUT ROWID;

CREATE TABLE verdict (
	run VARCHAR NOT NULL,
	uuid VARCHAR NOT NULL,
	at VARCHAR NOT NULL,
	ok BOOLEAN,
	PRIMARY KEY (run, uuid)
);

CREATE INDEX verdict_by_uuid ON verdict (uuid, at, run);

CREATE TABLE version (
	dataset VARCHAR NOT NULL,
	ordinal INTEGER NOT NULL,
	uuid VARCHAR NOT NULL,
	kind VARCHAR NOT NULL,
	rows BIGINT NOT NULL,
	rejected BIGINT NOT NULL,
	lance_version INTEGER,
	roots VARCHAR NOT NULL,
	columns VARCHAR NOT NULL,
	run VARCHAR NOT NULL,
	job_kind VARCHAR NOT NULL,
	job_name VARCHAR NOT NULL,
	created_at VARCHAR NOT NULL,
	PRIMARY KEY (dataset, ordinal, uuid)
)
 WITHOUT ROWID;

CREATE INDEX version_by_lance_version ON version (dataset, lance_version);

CREATE INDEX version_by_run ON version (run);

CREATE INDEX version_by_uuid ON version (uuid);

CREATE TABLE watermark (
	dataset VARCHAR NOT NULL,
	lance_version INTEGER NOT NULL,
	PRIMARY KEY (dataset)
);
