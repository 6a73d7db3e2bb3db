-- Which versions have failed their checks. Runs that said so were not asked for it: everything is read again.

CREATE TABLE verdict (
	run VARCHAR COLLATE "C" NOT NULL,
	uuid VARCHAR COLLATE "C" NOT NULL,
	at VARCHAR COLLATE "C" NOT NULL,
	ok BOOLEAN,
	PRIMARY KEY (run, uuid)
);

CREATE INDEX verdict_by_uuid ON verdict (uuid, at, run);

TRUNCATE alias, checkpoint, edge, metric, node, promotion, removal, run, run_object, setting, stamp, version, watermark;

INSERT INTO setting (name, value) VALUES ('epoch', md5(random()::text));
