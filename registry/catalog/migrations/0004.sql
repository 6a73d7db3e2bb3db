-- What a version carries over from the one before it. Runs that wrote to a root were not asked for it: everything is
-- read again.

CREATE INDEX version_by_lance_version ON version (dataset, lance_version);

TRUNCATE alias, checkpoint, edge, metric, node, promotion, removal, run, run_object, setting, stamp, verdict, version,
	watermark;

INSERT INTO setting (name, value) VALUES ('epoch', md5(random()::text));
