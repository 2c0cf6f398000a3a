module.exports = {
  // expect-next: next-compress
  compress: true,
  async rewrites() {
    return [{ source: '/api/:path*', destination: 'http://api:8000/:path*' }]
  },
}
