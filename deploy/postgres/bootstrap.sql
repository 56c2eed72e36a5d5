-- What only a superuser may do, once in every database that holds CarBot. Safe to repeat, and to be repeated after an
-- upgrade or a restore: the LEAKPROOF marks are not part of a dump. PostgreSQL 15 and newer, pg_partman 4.7 and 5.
-- Roles are made without login: `make up` or the operator of the cluster gives LOGIN and a password.
-- A new service is a new word in the one list below.

SET client_min_messages = warning;

-- Extensions ---------------------------------------------------------------------------------------------------------

CREATE EXTENSION IF NOT EXISTS pgcrypto WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_trgm WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gin WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS btree_gist WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS unaccent WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS cube WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS earthdistance WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS "uuid-ossp" WITH SCHEMA public;
CREATE EXTENSION IF NOT EXISTS pg_stat_statements WITH SCHEMA public;
CREATE SCHEMA IF NOT EXISTS partman;
CREATE EXTENSION IF NOT EXISTS pg_partman WITH SCHEMA partman;

-- Its body names earth() and cube() without a schema, so ANALYZE and restore, which run with an empty search_path, fail on
-- an index that uses it.
ALTER FUNCTION public.ll_to_earth(double precision, double precision) SET search_path = public, pg_catalog;

-- Under row security a condition may use an index only if its function is LEAKPROOF. These compare two texts and reveal
-- nothing by an error or a message; without the marks every search reads the whole tenant.
ALTER FUNCTION public.similarity_op(text, text) LEAKPROOF;
ALTER FUNCTION public.word_similarity_op(text, text) LEAKPROOF;
ALTER FUNCTION public.word_similarity_commutator_op(text, text) LEAKPROOF;
ALTER FUNCTION pg_catalog.textlike(text, text) LEAKPROOF;
ALTER FUNCTION pg_catalog.texticlike(text, text) LEAKPROOF;

-- What everybody may do by default, nobody may -----------------------------------------------------------------------

REVOKE ALL ON SCHEMA public FROM PUBLIC;
REVOKE ALL ON public.pg_stat_statements, public.pg_stat_statements_info FROM PUBLIC;
GRANT SELECT ON public.pg_stat_statements, public.pg_stat_statements_info TO pg_monitor;

DO $$
BEGIN
    EXECUTE format('REVOKE ALL ON DATABASE %I FROM PUBLIC', current_database());
    IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = 'core_owner') THEN
        CREATE ROLE core_owner NOLOGIN;
    END IF;
END
$$;

CREATE SCHEMA IF NOT EXISTS core AUTHORIZATION core_owner;
GRANT USAGE ON SCHEMA public, partman TO core_owner;

-- Per service: owner, migrate, api, worker ---------------------------------------------------------------------------

DO $$
DECLARE
    services CONSTANT text[] := ARRAY['tenancy', 'crm', 'billing', 'compliance'];
    service text;
    owner text;
    role text;
    setting text;
BEGIN
    FOREACH service IN ARRAY services LOOP
        owner := service || '_owner';

        -- The owner bypasses row security: forced row security would blind backfills and the validation of foreign keys.
        IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = owner) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', owner);
        END IF;
        EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOLOGIN BYPASSRLS', owner);

        FOREACH role IN ARRAY ARRAY[service || '_migrate', service || '_api', service || '_worker'] LOOP
            IF NOT EXISTS (SELECT FROM pg_catalog.pg_roles WHERE rolname = role) THEN
                EXECUTE format('CREATE ROLE %I NOLOGIN', role);
            END IF;
            EXECUTE format('ALTER ROLE %I NOSUPERUSER NOCREATEDB NOCREATEROLE NOREPLICATION NOINHERIT NOBYPASSRLS', role);
            EXECUTE format('ALTER ROLE %I SET search_path = %I, core, public', role, service);
            EXECUTE format('ALTER ROLE %I SET timezone = ''UTC''', role);
            EXECUTE format('ALTER ROLE %I SET jit = off', role);
            EXECUTE format('GRANT CONNECT ON DATABASE %I TO %I', current_database(), role);
        END LOOP;

        -- NOINHERIT above: migrate is nobody until it says SET ROLE.
        EXECUTE format('GRANT %I, core_owner TO %I', owner, service || '_migrate');

        -- PgBouncer drops these silently when a client sends them at start-up, so they are settings of the role.
        FOREACH setting IN ARRAY ARRAY[
            '_api SET statement_timeout = ''5s''',
            '_api SET lock_timeout = ''500ms''',
            '_api SET idle_in_transaction_session_timeout = ''10s''',
            '_worker SET statement_timeout = ''30s''',
            '_worker SET lock_timeout = ''2s''',
            '_worker SET idle_in_transaction_session_timeout = ''10s''',
            '_migrate SET lock_timeout = ''2s'''
        ] LOOP
            EXECUTE 'ALTER ROLE ' || service || setting;
        END LOOP;

        EXECUTE format('CREATE SCHEMA IF NOT EXISTS %I AUTHORIZATION %I', service, owner);
        EXECUTE format('GRANT USAGE ON SCHEMA %I TO %I, %I', service, service || '_api', service || '_worker');
        EXECUTE format(
            'GRANT USAGE ON SCHEMA core, public TO %I, %I, %I, %I',
            owner, service || '_migrate', service || '_api', service || '_worker'
        );

        -- pg_partman works with the rights of its caller. CREATE is for its template tables, TEMPORARY for moving rows out
        -- of a default partition.
        EXECUTE format('GRANT USAGE, CREATE ON SCHEMA partman TO %I', owner);
        EXECUTE format('GRANT SELECT, INSERT, UPDATE, DELETE ON ALL TABLES IN SCHEMA partman TO %I', owner);
        EXECUTE format('GRANT EXECUTE ON ALL ROUTINES IN SCHEMA partman TO %I', owner);
        EXECUTE format('GRANT TEMPORARY ON DATABASE %I TO %I', current_database(), owner);
    END LOOP;
END
$$;

RESET client_min_messages;
